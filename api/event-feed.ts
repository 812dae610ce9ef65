import { randomUUID } from "node:crypto";
import { on } from "node:events";
import { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import * as z from "zod";
import { EVENT_CHANNEL, type EventHint } from "../database/apply-event.ts";
import type { Log } from "../service/log.ts";

const HEARTBEAT_MS = 10_000;
const ANSWER_WITHIN_MS = 5_000;
/** Our own notification is sent by a connection of the pool that all requests share, and may have to wait for one. */
const NOTIFIED_WITHIN_MS = 10_000;
const LONGEST_PAUSE_MS = 5_000;

/** What a subscriber waits for: new events of one render, or of all renders of one viewer. */
export type Topic = `render ${string}` | `viewer ${string}`;

/** Notifies a channel, over another connection than the one that listens. */
type Notify = (channel: string) => Promise<unknown>;

/**
 * Wakes whoever waits for events. One LISTEN connection serves all subscribers of this process. A notification is only
 * a hint to read the event table: after every (re)connect all are woken, so nothing is lost with a connection.
 */
export class EventFeed {
  readonly #databaseUrl: string;
  readonly #notify: Notify;
  readonly #log: Log;
  readonly #stop = new AbortController();
  readonly #watches = new Map<Topic, Set<Watch>>();
  readonly #listening: Promise<void>;

  constructor(databaseUrl: string, notify: Notify, log: Log) {
    this.#databaseUrl = databaseUrl;
    this.#notify = notify;
    this.#log = log;
    this.#listening = this.#keepListening();
  }

  /** Starts to watch a topic: read the table after this call, and no event goes unseen. */
  watch(topic: Topic): Watch {
    const watch = new Watch(() => this.#forget(topic, watch));
    const watches = this.#watches.get(topic) ?? new Set();
    this.#watches.set(topic, watches.add(watch));
    return watch;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#listening;
  }

  #forget(topic: Topic, watch: Watch): void {
    const watches = this.#watches.get(topic);
    watches?.delete(watch);
    if (watches?.size === 0) this.#watches.delete(topic);
  }

  #wake(topic: Topic): void {
    for (const watch of this.#watches.get(topic) ?? []) watch.wake();
  }

  async #keepListening(): Promise<void> {
    let pauseMs = 100;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#listen(() => {
          pauseMs = 100;
        });
      } catch (err) {
        this.#log.warn({ err, pauseMs }, "the event feed lost PostgreSQL; connecting again");
      }
      await pause(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Listens until this feed ends, or the connection: one that stops answering or brings no notifications has ended. */
  async #listen(onConnected: () => void): Promise<void> {
    const socket = new Socket();
    const client = new Client({
      stream: () => socket,
      connectionString: this.#databaseUrl,
      connectionTimeoutMillis: ANSWER_WITHIN_MS,
      query_timeout: ANSWER_WITHIN_MS,
      application_name: "rasterlift event feed",
    });
    const lost = new AbortController();
    client.on("error", (error) => lost.abort(error));
    client.on("end", () => lost.abort(new Error("PostgreSQL closed the connection")));
    const over = AbortSignal.any([this.#stop.signal, lost.signal]);
    client.on("notification", ({ channel, payload }) => {
      if (channel === EVENT_CHANNEL) this.#notified(payload);
    });
    const ownChannel = `${EVENT_CHANNEL}_${randomUUID().replaceAll("-", "_")}`;
    try {
      await client.connect();
      await client.query(`listen ${EVENT_CHANNEL}; listen ${ownChannel}`);
      for (const topic of this.#watches.keys()) this.#wake(topic);
      while (!this.#stop.signal.aborted) {
        await this.#hearOwn(client, ownChannel, over);
        onConnected();
        await pause(HEARTBEAT_MS, undefined, { signal: over }).catch(() => {});
        lost.signal.throwIfAborted();
        await client.query("select");
      }
    } finally {
      socket.destroy(); // `client.end()` would wait for an answer of a connection that may be dead
    }
  }

  /** @throws where a notification does not come, or the connection is lost meanwhile */
  async #hearOwn(client: Client, channel: string, over: AbortSignal): Promise<void> {
    const late = AbortSignal.timeout(NOTIFIED_WITHIN_MS);
    const notifications = on(client, "notification", { signal: AbortSignal.any([over, late]) });
    this.#notify(channel).catch(() => {}); // then none comes
    try {
      for await (const [notification] of notifications) if (notification.channel === channel) return;
    } catch {
      if (this.#stop.signal.aborted) return;
      over.throwIfAborted();
      throw new Error(
        "A notification of PostgreSQL did not come. If this is said again and again while all else works, DATABASE_URL " +
          "leads through a pooler in transaction mode: have it use session mode, as events come late now.",
      );
    }
  }

  #notified(payload = ""): void {
    const hint = hintOf(payload);
    if (hint === undefined) {
      this.#log.warn({ payload }, "somebody else notifies the event feed");
      return;
    }
    this.#wake(`render ${hint.renderId}`);
    this.#wake(`viewer ${hint.userId}`);
  }
}

/** Anybody who may connect to the database may notify, whatever it says. */
function hintOf(payload: string): EventHint | undefined {
  try {
    return eventHint.safeParse(JSON.parse(payload)).data;
  } catch {
    return undefined;
  }
}

const eventHint: z.ZodType<EventHint> = z.object({ renderId: z.string(), sequence: z.number(), userId: z.string() });

/** One subscriber's bell: it keeps at most one ring, however many events there are. */
export class Watch {
  readonly #onClose: () => void;
  #rung = false;
  #closed = false;
  #answer: (() => void) | undefined;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  get closed(): boolean {
    return this.#closed;
  }

  wake(): void {
    this.#rung = true;
    this.#answer?.();
  }

  /** Resolves once it has rung since the last call: true, or false when it is closed. */
  async changed(): Promise<boolean> {
    if (!this.#rung && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#answer = resolve;
      });
      this.#answer = undefined;
    }
    this.#rung = false;
    return !this.#closed;
  }

  close(): void {
    this.#closed = true;
    this.#answer?.();
    this.#onClose();
  }
}
