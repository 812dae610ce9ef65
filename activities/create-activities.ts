import type { MikroORM } from "@mikro-orm/postgresql";
import type { WorkflowClient } from "@temporalio/client";
import type { PartDigest } from "../service/settings.ts";
import type { Storage } from "../storage/storage.ts";
import { abortOrphanUploads } from "./abort-orphan-uploads.ts";
import { abortUpload } from "./abort-upload.ts";
import { completeUpload } from "./complete-upload.ts";
import { finishDeletions } from "./finish-deletions.ts";
import { countGpuSlots } from "./gpu-slots.ts";
import { initUpload } from "./init-upload.ts";
import { presignParts } from "./presign-parts.ts";
import { recordEvent } from "./record-event.ts";
import { startLostRenders } from "./start-lost-renders.ts";
import type { JanitorTools } from "./sweep.ts";
import { talkingToS3 } from "./talking-to-s3.ts";
import type { ControlActivities, JanitorActivities } from "./types.ts";

/** What the activities work with; all of it is shared by all of them. */
export interface Tools {
  storage: Storage;
  orm: MikroORM;
  client: WorkflowClient;
  digest: PartDigest;
  /** The lifetime of a part's URL, in seconds. */
  presignExpiresSeconds: number;
  /** How long a failed render keeps its parts, for renders that the janitor starts. */
  resumeWindowSeconds: number;
}

/** The activities of the control task queue. */
export function createActivities(tools: Tools): ControlActivities & JanitorActivities {
  const { storage, orm, client, digest, presignExpiresSeconds } = tools;
  const sweeping = (work: (tools: JanitorTools) => Promise<void>) =>
    talkingToS3((signal) => work({ ...tools, em: orm.em, signal }));
  return {
    initUpload: (target) => talkingToS3((signal) => initUpload(storage, target, signal)),
    presignParts: (request) =>
      talkingToS3(async () => {
        const [parts, gpuSlots] = await Promise.all([
          presignParts(storage, request, presignExpiresSeconds),
          countGpuSlots(client),
        ]);
        return { ...parts, gpuSlots };
      }),
    completeUpload: (request) => talkingToS3(() => completeUpload(storage, request, digest)),
    abortUpload: (request) => talkingToS3(() => abortUpload(storage, request), { insist: true }),
    recordEvent: (event) => recordEvent(orm.em.fork(), event),
    startLostRenders: () => sweeping(startLostRenders),
    abortOrphanUploads: () => sweeping(abortOrphanUploads),
    finishDeletions: () => sweeping(finishDeletions),
  };
}
