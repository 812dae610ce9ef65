import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { Render } from "./render.ts";
import { type RenderState, renderEventKinds } from "./state.ts";

/** What happened to a render, in the order it happened: event `sequence` of it, from 1, without gaps. */
export const RenderEvent = defineEntity({
  name: "RenderEvent",
  tableName: "render_event",
  primaryKeys: ["render", "sequence"],
  properties: {
    render: () => p.manyToOne(Render).primary().deleteRule("cascade"),
    sequence: p.integer().primary(),
    userId: p.text(),
    /** Its place among the events of all the user's renders, in the order of their commits; grows, with gaps. */
    position: p.bigint("number"),
    at: p.datetime(3),
    kind: p.enum(renderEventKinds),
    /** The render's state as it was at this event. */
    state: p.json<RenderState>(),
  },
  uniques: [{ name: "render_event_position", properties: ["userId", "position"] }],
});

export type RenderEvent = InferEntity<typeof RenderEvent>;
