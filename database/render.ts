import { defineEntity, type InferEntity, type Opt, p } from "@mikro-orm/core";
import type { RenderSpec } from "../images/spec.ts";
import { activeStatuses, type RenderState, type RenderStatus, renderStatuses } from "./state.ts";

/** One render: what was asked, which never changes, and the state of its latest event. */
export const Render = defineEntity({
  name: "Render",
  tableName: "render",
  properties: {
    /** A UUIDv7: newer renders have greater ids, and nobody guesses one. */
    id: p.uuid().primary(),
    userId: p.text(),
    name: p.text().nullable(),
    /** Unique per user. */
    idempotencyKey: p.text().nullable(),
    spec: p.json<RenderSpec>(),
    /** The field name in PatternInput, for the filter. */
    pattern: p.text(),
    byteSize: p.bigint("number"),
    partSize: p.bigint("number"),
    partCount: p.integer(),
    createdAt: p.datetime(3),
    /** The latest event's. */
    sequence: p.integer(),
    /** The latest event's. */
    state: p.json<RenderState>(),
    /** When its deletion was asked for; the row goes last, after parts and object. */
    deletionAskedAt: p.datetime(3).nullable(),
    status: p.enum(renderStatuses).$type<Opt<RenderStatus>>().generated("(state ->> 'status') stored"),
  },
  uniques: [{ name: "render_idempotency_key", properties: ["userId", "idempotencyKey"] }],
  indexes: [
    { name: "render_page", properties: ["userId", "id"] },
    {
      name: "render_active",
      properties: ["userId"],
      where: `status in ('${activeStatuses.join("', '")}')`,
    },
    {
      name: "render_open",
      properties: ["id"],
      where: `status in ('${activeStatuses.join("', '")}') or state ->> 'resumableUntil' is not null`,
    },
    { name: "render_deletion", properties: ["id"], where: "deletion_asked_at is not null" },
  ],
});

export type Render = InferEntity<typeof Render>;
