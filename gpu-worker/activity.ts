import { Context } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import type { BufferPool } from "./buffer-pool.ts";
import type { PartActivities, PartFailureType, PartHeartbeat } from "./part.ts";
import { RendererError } from "./renderer-error.ts";
import type { Renderers } from "./renderers.ts";
import { connectionFailure, etagOf, isCorruption } from "./s3-answer.ts";
import { UploadError, type Uploader } from "./uploader.ts";

const HEARTBEAT_MS = 500;

export interface PartServices {
  renderers: Renderers;
  buffers: BufferPool;
  uploader: Uploader;
}

/** The activity of the GPU task queue: renders one part of one image and puts it into S3. */
export function createPartActivities({ renderers, buffers, uploader }: PartServices): PartActivities {
  return {
    async renderAndUploadPart(task) {
      const context = Context.current();
      const startedAt = performance.now();
      const beat: PartHeartbeat = { phase: "waiting", bytesSent: 0, corruptions: earlierCorruptions(context) };
      const report = () => context.heartbeat({ ...beat });
      report();
      const heartbeats = setInterval(report, HEARTBEAT_MS);
      try {
        using loan = await buffers.acquire(task.end - task.start, context.cancellationSignal);
        const { crc32, md5 } = await renderers.render(task.spec, task, loan.bytes, {
          signal: context.cancellationSignal,
          onStart: () => {
            beat.phase = "rendering";
          },
        });
        beat.phase = "uploading";
        const answer = await uploader.put({
          url: task.url,
          bytes: loan.bytes,
          md5,
          signal: context.cancellationSignal,
          onProgress: (bytesSent) => {
            beat.bytesSent = bytesSent;
          },
        });
        if (isCorruption(answer)) beat.corruptions++;
        const { attempt } = context.info;
        return {
          etag: etagOf(answer, { attempt, corruptions: beat.corruptions }),
          crc32,
          attempt,
          workedMs: Math.round(performance.now() - startedAt),
          backend: renderers.backend,
        };
      } catch (error) {
        throw asFailure(error, context);
      } finally {
        clearInterval(heartbeats);
        report();
      }
    },
  };
}

/** Temporal keeps the last heartbeat of the attempt before. */
function earlierCorruptions({ info }: Context): number {
  const earlier: Partial<PartHeartbeat> | undefined = info.heartbeatDetails;
  return earlier?.corruptions ?? 0;
}

/** Cancellation and failures that already say their type pass as they are. */
function asFailure(error: unknown, { cancellationSignal, info }: Context): unknown {
  if (cancellationSignal.aborted || error instanceof ApplicationFailure) return error;
  if (error instanceof UploadError) return connectionFailure(error, info.attempt);
  const type: PartFailureType = error instanceof RendererError ? "RendererFailed" : "Failed";
  return ApplicationFailure.fromError(error, { type });
}
