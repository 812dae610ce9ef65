import { formats } from "../../images/formats/index.ts";
import type { Axis as AxisName, Direction as DirectionName } from "../../images/pattern.ts";
import type { ImageFormat as ImageFormatName, RowOrder as RowOrderName } from "../../images/spec.ts";
import { builder } from "./builder.ts";

export const ImageFormat = builder.enumType("ImageFormat", {
  description: "The file format of the object in S3.",
  values: Object.fromEntries(formats.map(({ name, description }) => [name, { description }])) as Record<
    ImageFormatName,
    { description: string }
  >,
});

export const RowOrder = builder.enumType("RowOrder", {
  description: "Which row of a BMP file comes first. Other formats always start at the top.",
  values: {
    BOTTOM_UP: { description: "The bottom row first, as nearly all BMP files have it." },
    TOP_DOWN: { description: "The top row first, marked by a negative height in the header." },
  } satisfies Record<RowOrderName, { description: string }>,
});

export const Direction = builder.enumType("Direction", {
  description: "Where something leads, seen on the screen.",
  values: {
    RIGHT: { description: "From the left edge to the right one." },
    DOWN: { description: "From the top edge to the bottom one." },
    LEFT: { description: "From the right edge to the left one." },
    UP: { description: "From the bottom edge to the top one." },
  } satisfies Record<DirectionName, { description: string }>,
});

export const Axis = builder.enumType("Axis", {
  description: "How lines or bars stand.",
  values: {
    VERTICAL: { description: "Upright, one beside the other." },
    HORIZONTAL: { description: "Lying, one below the other." },
  } satisfies Record<AxisName, { description: string }>,
});

export const RenderStatus = builder.enumType("RenderStatus", {
  description: "Where a render stands.",
  values: {
    QUEUED: { description: "Stored; its workflow starts in a moment." },
    RUNNING: { description: "Parts are being rendered and uploaded." },
    PAUSED: {
      description:
        "Parts in flight or queued for a GPU worker finish, no others start, until resumeRender or cancelRender.",
    },
    CANCELING: { description: "Canceled; what S3 has of it is being removed." },
    COMPLETED: { description: "The object is in S3, whole and checked." },
    FAILED: {
      description: "Ended by a failure. Until resumableUntil, retryRender goes on with the parts already stored.",
    },
    CANCELED: { description: "Canceled, and nothing of it is left in S3." },
  },
});

export const PartState = builder.enumType("PartState", {
  description: "Where one part of the file stands.",
  values: {
    WAITING: { description: "Not yet given to a GPU worker." },
    ACTIVE: { description: "Given to the GPU workers: waiting for one, being rendered or on its way to S3." },
    DONE: { description: "Stored in S3." },
    FAILED: { description: "Failed for good; retryRender has it rendered again." },
  },
});

export const RenderEventKind = builder.enumType("RenderEventKind", {
  description: "What an event tells.",
  values: {
    STATUS: { description: "The render's status changed, or the parts of a failed render were removed." },
    PROGRESS: { description: "Parts moved on; the status is as before." },
  },
});
