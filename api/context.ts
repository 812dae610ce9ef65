import type { EntityManager } from "@mikro-orm/postgresql";
import type { Log } from "../service/log.ts";
import type { Storage } from "../storage/storage.ts";
import type { EventFeed } from "./event-feed.ts";
import type { LimitByKey } from "./limit-by-key.ts";
import type { RenderWorkflows } from "./render-workflows.ts";
import type { ApiSettings } from "./settings.ts";

/** What the resolvers need; made once a process. */
export interface Services {
  /** A fresh EntityManager for one read or one write: a subscription outlives any one of them. */
  em: () => EntityManager;
  workflows: RenderWorkflows;
  storage: Pick<Storage, "presignDownload" | "deleteObject">;
  feed: EventFeed;
  /** Lists and events, by viewer. */
  reads: LimitByKey;
  /** Download links, by viewer. */
  links: LimitByKey;
  settings: Pick<ApiSettings, "MAX_RENDER_BYTES" | "MAX_ACTIVE_RENDERS">;
  log: Log;
}

/** Of one operation. */
export interface Context extends Services {
  /** The user who asks, whom GraphQL's clients call the viewer. Whose a thing is, is its `userId`. */
  viewerId: string;
}
