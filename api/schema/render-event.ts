import type { RenderEventView } from "../operations/event-stream.ts";
import { renderEvents } from "../operations/render-events.ts";
import { viewerRenderEvents } from "../operations/viewer-events.ts";
import { builder } from "./builder.ts";
import { RenderEventKind } from "./enums.ts";
import { Render } from "./render.ts";

const RenderEvent = builder.objectRef<RenderEventView>("RenderEvent").implement({
  description: "Something that happened to a render.",
  fields: (t) => ({
    sequence: t.exposeInt("sequence", { description: "Its number among the render's events, from 1, without gaps." }),
    at: t.expose("at", { type: "DateTime", description: "When it happened." }),
    kind: t.expose("kind", { type: RenderEventKind, description: "What it tells." }),
    render: t.expose("render", { type: Render, description: "The render as it was at this event." }),
  }),
});

builder.subscriptionField("renderEvents", (t) =>
  t.field({
    type: RenderEvent,
    description:
      "One render's events, in order. Without after: the latest at once, then each new one. With after: every event of a greater sequence, none missing, none twice, then each new one. Completes after COMPLETED, FAILED or CANCELED; an error with code NOT_FOUND where the viewer has no such render.",
    args: {
      id: t.arg.id({ required: true, description: "The render's id." }),
      after: t.arg.int({ description: "The last sequence that the caller has; 0 for all events." }),
    },
    subscribe: (_root, args, context) => renderEvents(args, context),
    resolve: (event) => event,
  }),
);

builder.subscriptionField("viewerRenderEvents", (t) =>
  t.field({
    type: RenderEvent,
    description:
      "New events of all the viewer's renders, from now on; each render's in order. Never completes by itself.",
    subscribe: (_root, _args, context) => viewerRenderEvents(context),
    resolve: (event) => event,
  }),
);
