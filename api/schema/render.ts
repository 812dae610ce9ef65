import type { PartRange as PartRangeState, RenderFailure as RenderFailureState } from "../../database/state.ts";
import { formatOf } from "../../images/formats/index.ts";
import { objectKey } from "../../images/object-key.ts";
import { badUserInput } from "../errors.ts";
import { BYTES_FOR_ONE } from "../limits.ts";
import type { RenderView } from "../operations/view.ts";
import { ownTurn } from "../own-turn.ts";
import { builder } from "./builder.ts";
import { ImageFormat, PartState, RenderStatus } from "./enums.ts";
import { WorkflowRef } from "./workflow-ref.ts";

/** For texts of up to some 800 bytes: a name has 200 characters, of which UTF-8 makes up to four each. */
const LONG_TEXT_COST = 800 / BYTES_FOR_ONE;

const PartRange = builder.objectRef<PartRangeState>("PartRange").implement({
  description: "Neighbouring parts in one state; part numbers start at 1 and both ends belong to the range.",
  fields: (t) => ({
    from: t.exposeInt("from", { description: "The first part's number." }),
    to: t.exposeInt("to", { description: "The last part's number." }),
    state: t.field({ type: PartState, description: "The state of all of them.", resolve: ({ state }) => state }),
  }),
});

const RenderFailure = builder.objectRef<RenderFailureState>("RenderFailure").implement({
  description: "Why a render failed.",
  fields: (t) => ({
    code: t.exposeString("code", { description: "For programs: a stable name such as S3Unavailable." }),
    message: t.exposeString("message", {
      extensions: { cost: LONG_TEXT_COST },
      description: "For people: what happened and what to do.",
    }),
    part: t.exposeInt("part", { nullable: true, description: "The number of the part that failed, where one did." }),
  }),
});

const LONGEST_LINK_SECONDS = 604_800;

export const Render = builder.objectRef<RenderView>("Render").implement({
  description: "One image on its way into S3, or there already.",
  fields: (t) => ({
    id: t.id({ description: "Newer renders have greater ids.", resolve: ({ row }) => row.id }),
    name: t.string({
      nullable: true,
      extensions: { cost: LONG_TEXT_COST },
      description: "As given at the start.",
      resolve: ({ row }) => row.name,
    }),
    status: t.field({ type: RenderStatus, description: "Where it stands.", resolve: ({ state }) => state.status }),
    width: t.int({ description: "Pixels in a row.", resolve: ({ row }) => row.spec.width }),
    height: t.int({ description: "Rows.", resolve: ({ row }) => row.spec.height }),
    format: t.field({ type: ImageFormat, description: "The file format.", resolve: ({ row }) => row.spec.format }),
    pattern: t.string({
      description: "The field name in PatternInput, such as allRgb.",
      resolve: ({ row }) => row.pattern,
    }),
    byteSize: t.field({
      type: "SafeInt",
      description: "The file's exact size in bytes.",
      resolve: ({ row }) => row.byteSize,
    }),
    partSize: t.field({
      type: "SafeInt",
      description: "Bytes in each part; the last part may be smaller.",
      resolve: ({ row }) => row.partSize,
    }),
    partCount: t.int({ description: "Parts of the file, 1 to 10,000.", resolve: ({ row }) => row.partCount }),
    partsDone: t.int({ description: "Parts stored in S3.", resolve: ({ state }) => state.partsDone }),
    bytesUploaded: t.field({
      type: "SafeInt",
      description: "Bytes of the parts stored in S3.",
      resolve: ({ state }) => state.bytesUploaded,
    }),
    progress: t.float({
      description: "The share of bytes stored in S3, 0 to 1; never decreases while RUNNING.",
      resolve: ({ row, state }) => state.bytesUploaded / row.byteSize,
    }),
    retriedParts: t.int({
      description:
        "Parts that needed more than one attempt, counted once they are done or retryRender takes them up again.",
      resolve: ({ state }) => state.retriedParts,
    }),
    parts: t.field({
      type: [PartRange],
      extensions: { items: 20 },
      description: "The state of every part, from 1 to partCount, neighbours in one state taken together.",
      resolve: ({ state }) => state.parts,
    }),
    backends: t.stringList({
      description: "What rendered it so far, such as webasm, cpu or webgpu (nvidia-h200).",
      resolve: ({ state }) => state.backends,
    }),
    failure: t.field({
      type: RenderFailure,
      nullable: true,
      description: "Why it failed, where it did.",
      resolve: ({ state }) => state.failure,
    }),
    resumableUntil: t.field({
      type: "DateTime",
      nullable: true,
      description: "FAILED only: until then retryRender keeps the parts already stored; after that they are removed.",
      resolve: ({ state }) => state.resumableUntil,
    }),
    etag: t.string({
      nullable: true,
      description: "The object's ETag in S3, without quotes, once COMPLETED.",
      resolve: ({ state }) => state.etag,
    }),
    crc32: t.string({
      nullable: true,
      description: "The CRC-32 of the whole file as 8 lower-case hexadecimal digits, once COMPLETED.",
      resolve: ({ state }) => state.crc32,
    }),
    downloadUrl: t.field({
      type: "URL",
      nullable: true,
      description: "A link that downloads the file without a token, once COMPLETED; whoever has it can use it.",
      args: {
        expiresIn: t.arg.int({
          required: true,
          defaultValue: 300,
          description: "Seconds that the link works, 1 to 604,800 (a week).",
        }),
      },
      extensions: { cost: 100 }, // a signature takes a processor about a millisecond
      resolve: async ({ row, state }, { expiresIn }, { storage, links, viewerId }) => {
        if (expiresIn < 1 || expiresIn > LONGEST_LINK_SECONDS) {
          throw badUserInput(`expiresIn is ${expiresIn}; it must be from 1 to ${LONGEST_LINK_SECONDS} seconds.`);
        }
        if (state.status !== "COMPLETED") return null;
        const { spec, id } = row;
        const extension = `.${formatOf(spec).extension}`;
        const name = row.name || id;
        const fileName = name.toLowerCase().endsWith(extension) ? name : `${name}${extension}`;
        const download = { key: objectKey(id, spec.format), fileName, expiresIn };
        return await links.run(viewerId, async () => {
          await ownTurn(); // signing takes a millisecond of the processor
          return await storage.presignDownload(download);
        });
      },
    }),
    createdAt: t.field({
      type: "DateTime",
      description: "When it was stored.",
      resolve: ({ row }) => row.createdAt.toISOString(),
    }),
    startedAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When its workflow first ran.",
      resolve: ({ state }) => state.startedAt,
    }),
    finishedAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it was COMPLETED, FAILED or CANCELED.",
      resolve: ({ state }) => state.finishedAt,
    }),
    workflow: t.field({
      type: WorkflowRef,
      description: "Its workflow in Temporal, for whoever operates it.",
      resolve: (view) => view,
    }),
  }),
});
