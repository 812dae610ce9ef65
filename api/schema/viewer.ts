import { countActiveRenders } from "../../database/renders.ts";
import { builder } from "./builder.ts";

const Viewer = builder.objectRef<{ id: string }>("Viewer").implement({
  description: "Who asks, and what they may.",
  fields: (t) => ({
    id: t.exposeID("id", { description: "The subject (sub) of the token." }),
    activeRenders: t.int({
      description: "Renders that are QUEUED, RUNNING, PAUSED or CANCELING.",
      extensions: { cost: 125 },
      resolve: ({ id }, _args, { em }) => countActiveRenders(em(), id),
    }),
    maxActiveRenders: t.int({
      description: "How many may be active at once.",
      resolve: (_viewer, _args, { settings }) => settings.MAX_ACTIVE_RENDERS,
    }),
    maxRenderBytes: t.field({
      type: "SafeInt",
      description: "The largest file that may be rendered, in bytes.",
      resolve: (_viewer, _args, { settings }) => settings.MAX_RENDER_BYTES,
    }),
  }),
});

builder.queryField("viewer", (t) =>
  t.field({ type: Viewer, description: "Who asks.", resolve: (_root, _args, { viewerId }) => ({ id: viewerId }) }),
);
