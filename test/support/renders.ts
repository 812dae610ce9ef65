import type { NewRender } from "../../database/create-render.ts";
import type { RecordedEvent, RenderStatus } from "../../database/state.ts";

/** A small render as the API would write it. */
export function newRender(userId: string, fields: Partial<NewRender> = {}): NewRender {
  return {
    userId,
    name: null,
    idempotencyKey: null,
    spec: {
      width: 4,
      height: 2,
      pattern: { allRgb: { offset: 0 } },
      format: "BMP24",
      rowOrder: "BOTTOM_UP",
      pixelsPerMetre: 2835,
    },
    pattern: "allRgb",
    byteSize: 78,
    partSize: 16 * 2 ** 20,
    partCount: 1,
    ...fields,
  };
}

/** An event as the workflow would record it. */
export function recordedEvent(renderId: string, sequence: number, status: RenderStatus = "RUNNING"): RecordedEvent {
  return {
    renderId,
    sequence,
    at: new Date(Date.UTC(2030, 0, 1) + sequence).toISOString(),
    kind: "STATUS",
    state: {
      status,
      partsDone: sequence,
      bytesUploaded: 0,
      retriedParts: 0,
      parts: [{ from: 1, to: 1, state: "ACTIVE" }],
      backends: ["it's \\ and ? and \" and ü"],
    },
  };
}
