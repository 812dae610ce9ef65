import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

/**
 * A user who has started a render. Its row is the one lock of that user: `position` grows by one with each event,
 * so that events commit in the order of their positions, and the quota is counted under it.
 */
export const Viewer = defineEntity({
  name: "Viewer",
  tableName: "viewer",
  properties: {
    /** The subject (`sub`) of the user's token. */
    id: p.text().primary(),
    /** The position of the latest event of all the user's renders. */
    position: p.bigint("number"),
  },
});

export type Viewer = InferEntity<typeof Viewer>;
