import { Client, Connection, isGrpcDeadlineError } from "@temporalio/client";
import type { TemporalSettings } from "../service/temporal.ts";

/** Longer than any call waits that Temporal answers. */
const SILENT_MS = 15_000;

/**
 * Temporal's client, on a connection that is replaced where it has brought no answer for a while: @grpc/grpc-js (1.14)
 * waits for ever on one that was accepted and says nothing, as may be left of a network that was away.
 */
export class TemporalClient {
  readonly #settings: TemporalSettings;
  #client: Client;
  #answeredAt = performance.now();

  /** Connects when it is first used; Temporal may be away. */
  constructor(settings: TemporalSettings) {
    this.#settings = settings;
    this.#client = this.#open();
  }

  get namespace(): string {
    return this.#settings.namespace;
  }

  /** Calls Temporal, until `deadline` in milliseconds since the epoch. */
  async call<T>(deadline: number, act: (client: Client) => Promise<T>): Promise<T> {
    const client = this.#client;
    try {
      const answer = await client.withDeadline(deadline, () => act(client));
      this.#answeredAt = performance.now();
      return answer;
    } catch (error) {
      if (!isGrpcDeadlineError(error)) this.#answeredAt = performance.now();
      else if (client === this.#client && performance.now() - this.#answeredAt > SILENT_MS) await this.#replace();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#client.connection.close();
  }

  async #replace(): Promise<void> {
    const silent = this.#client;
    this.#client = this.#open();
    this.#answeredAt = performance.now();
    await silent.connection.close();
  }

  #open(): Client {
    const { connectionOptions, namespace } = this.#settings;
    return new Client({ connection: Connection.lazy(connectionOptions), namespace });
  }
}
