import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { RenderSpec } from "../images/spec.ts";
import { applyEvent } from "./apply-event.ts";
import { Render } from "./render.ts";
import { countActiveRenders } from "./renders.ts";
import type { RenderState } from "./state.ts";

/** What a viewer asked for, checked and planned. Byte counts are whole, up to 2^53 − 1. */
export interface NewRender {
  userId: string;
  name: string | null;
  idempotencyKey: string | null;
  spec: RenderSpec;
  /** The field name in PatternInput. */
  pattern: string;
  byteSize: number;
  partSize: number;
  partCount: number;
}

/** What became of it: `existing` is the render that the same user's same idempotency key made before. */
export type CreatedRender = { kind: "created" | "existing"; render: Render } | { kind: "quotaExceeded" };

/**
 * Writes a render and its event 1 (QUEUED) in one transaction. Exact however many connections ask at once:
 * one render an idempotency key, never more than `maxActiveRenders` active ones a user.
 */
export function createRender(em: EntityManager, asked: NewRender, maxActiveRenders: number): Promise<CreatedRender> {
  return em.transactional(async (tx) => {
    const createdAt = await lockViewer(tx, asked.userId);
    const existing = asked.idempotencyKey === null ? null : await findByKey(tx, asked.userId, asked.idempotencyKey);
    if (existing) return { kind: "existing", render: existing };
    if ((await countActiveRenders(tx, asked.userId)) >= maxActiveRenders) return { kind: "quotaExceeded" };

    const state = queued(asked.partCount);
    const render = tx.create(Render, { ...asked, id: randomUUIDv7(), createdAt, sequence: 1, state });
    await tx.flush();
    await applyEvent(tx, { renderId: render.id, sequence: 1, at: createdAt.toISOString(), kind: "STATUS", state });
    return { kind: "created", render };
  });
}

/** Keeps the user's other requests waiting, and returns the time by PostgreSQL's clock, by which a render's age is told. */
async function lockViewer(em: EntityManager, userId: string): Promise<Date> {
  const { seconds } = await em.execute<{ seconds: string }>(
    `insert into viewer (id, position) values (?, 0) on conflict (id) do update set position = viewer.position
     returning extract(epoch from clock_timestamp()) as seconds`,
    [userId],
    "get",
  );
  return new Date(Number(seconds) * 1000);
}

function findByKey(em: EntityManager, userId: string, idempotencyKey: string): Promise<Render | null> {
  return em.findOne(Render, { userId, idempotencyKey });
}

function queued(partCount: number): RenderState {
  return {
    status: "QUEUED",
    partsDone: 0,
    bytesUploaded: 0,
    retriedParts: 0,
    parts: [{ from: 1, to: partCount, state: "WAITING" }],
    backends: [],
  };
}
