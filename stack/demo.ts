import path from "node:path";
import { parseArgs } from "node:util";
import { objectKey } from "../images/object-key.ts";
import { planRender } from "../images/plan-render.ts";
import type { RenderSpec } from "../images/spec.ts";
import { ReferenceCheck } from "../reference/check.ts";
import { messageOf } from "../service/errors.ts";
import { type BorrowedStack, borrowStack } from "./borrow-stack.ts";
import { checkTarget } from "./check-target.ts";
import { runCommand } from "./command.ts";
import type { DataFolder } from "./data-folder.ts";
import { DemoClient, type FinishedRender } from "./demo-client.ts";
import { inSteps } from "./in-steps.ts";
import { showProgress } from "./progress-bar.ts";
import { notWritten, replaceFile } from "./replace-file.ts";
import { signToken } from "./sign-token.ts";
import { fileAsTyped, formatNames, readInteger, readSpecOptions, specOptions } from "./spec-options.ts";
import { StackError } from "./stack-error.ts";
import { tell } from "./terminal.mjs";

const USAGE = `Usage: npm run demo -- [OPTION ...]

Starts the embedded stack, renders an image into its S3 through the GraphQL API,
downloads it, compares every byte with an independent reference, and stops what
it started. The exit code is 0 only when every byte is right.

  --width N, --height N  pixels (8192 × 8192)
  --pattern NAME         what to draw (allRgb); npm run pattern -- --help
                         describes every pattern
  --params JSON          the pattern's parameters, e.g. '{"offset":255}'
  --format FORMAT        ${formatNames.join(", ")}
                         (what --out ends in; without --out, BMP24)
  --row-order ORDER      of a BMP: BOTTOM_UP or TOP_DOWN (BOTTOM_UP)
  --pixels-per-metre N   of a BMP or BigTIFF (2835)
  --part-size BYTES      of the multipart upload (16777216)
  --out FILE             keep the downloaded file there
  --keep                 leave the stack running, with the render in it

A stack that already runs on the data folder (RASTERLIFT_DATA, .data) is used
and left running; another demo's stops with that demo. Settings are those of
npm start -- --help.
`;

const options = {
  ...specOptions,
  width: { type: "string", default: "8192" },
  height: { type: "string", default: "8192" },
  pattern: { type: "string", default: "allRgb" },
  "part-size": { type: "string" },
  out: { type: "string" },
  keep: { type: "boolean", default: false },
} as const;

interface DemoRequest {
  spec: RenderSpec;
  byteSize: number;
  partSize: number | undefined;
  out: string | undefined;
  keep: boolean;
}

interface Report {
  id: string;
  render: FinishedRender;
  /** From the mutation sent to the COMPLETED event received. */
  seconds: number;
}

await runCommand(USAGE, async (stop) => {
  const request = readRequest();
  if (request.out !== undefined) await checkTarget(request.out);
  const stack = await borrowStack(request.keep, stop);
  if (!stack.wasRunning && process.env["GPU_WORKERS"] === "0")
    tell("No GPU worker runs here (GPU_WORKERS=0): the render waits until one comes.");
  let right = false;
  try {
    const report = await renderAndCheck(request, stack, stop);
    right = true;
    console.log(describe(request, report, stack));
  } finally {
    if (!(request.keep && right)) await stack.stop();
  }
  return 0;
});

/** @throws StackError before anything is started where an option is wrong */
function readRequest(): DemoRequest {
  const { values } = parseArgs({ options });
  const { pattern, out: typed, keep, "part-size": partSizeText, ...image } = values;
  const out = typed === undefined ? undefined : fileAsTyped(typed);
  const spec = readSpecOptions(pattern, out ?? "demo.bmp", image);
  const partSize = partSizeText === undefined ? undefined : readInteger("--part-size", partSizeText);
  const planned = planRender({ spec, partSize }, Number.MAX_SAFE_INTEGER);
  if ("issues" in planned) throw new StackError(planned.issues.map(({ message }) => message).join("\n"));
  return { spec: planned.spec, byteSize: planned.plan.byteSize, partSize, out, keep };
}

async function renderAndCheck(
  request: DemoRequest,
  { info, folder, demo }: BorrowedStack,
  stop: AbortSignal,
): Promise<Report> {
  const client = new DemoClient(info, await signToken(folder, "demo", "1d"));
  const started = performance.now();
  let id: string | undefined;
  try {
    id = await client.startRender(request.spec, request.partSize);
    await follow(client, id, request, folder, stop);
    const seconds = (performance.now() - started) / 1000;
    const render = await client.finishedRender(id);
    await download(render, request, stop);
    return { id, render, seconds };
  } catch (error) {
    if (stop.aborted && id !== undefined) await client.cancelRender(id).catch(() => {});
    throw explained(error, folder, demo);
  }
}

/** What a connection that was lost says about the stack. */
function explained(error: unknown, folder: DataFolder, demo: number | undefined): unknown {
  if (error instanceof StackError) return error;
  const hasStopped = !folder.isSupervised();
  if (hasStopped && demo !== undefined) {
    return new StackError(
      `The stack on ${folder.path} was another demo's, and has stopped with it. To run demos side by side, give each a ` +
        "RASTERLIFT_DATA of its own, and PORT=0.",
    );
  }
  if (hasStopped) {
    return new StackError(
      `The stack on ${folder.path} has stopped. When it starts again (npm start), the render goes on.`,
    );
  }
  if (error instanceof Error) return error;
  return new StackError(`The connection to the API was lost. Its log: ${folder.file("logs/api.log")}`);
}

async function follow(
  client: DemoClient,
  id: string,
  { spec, byteSize }: DemoRequest,
  folder: DataFolder,
  stop: AbortSignal,
): Promise<void> {
  const progress = showProgress(`Rendering ${nameOf(spec)} into S3`, byteSize);
  let uploaded = 0;
  let status = "QUEUED";
  try {
    for await (const render of client.follow(id, stop, () => folder.isSupervised())) {
      progress.add(render.bytesUploaded - uploaded);
      uploaded = render.bytesUploaded;
      status = render.status;
      if (render.failure !== null) throw new StackError(`The render failed: ${render.failure.message}`);
    }
  } finally {
    progress.end();
  }
  stop.throwIfAborted();
  if (status !== "COMPLETED") throw new StackError(`The render ended as ${status}.`);
}

/** Compares each byte on its way, and keeps the file where the request names one, whole or not at all. */
async function download(render: FinishedRender, request: DemoRequest, stop: AbortSignal): Promise<void> {
  const response = await fetch(render.downloadUrl, { signal: stop });
  if (!response.ok || response.body === null) {
    throw new StackError(`The download was refused: HTTP ${response.status} ${await response.text()}`);
  }
  if (request.out === undefined) {
    await compare(inSteps(response.body), render, request, async () => {});
    return;
  }
  const { body } = response;
  const { out } = request;
  await replaceFile(out, (file) => {
    const keep = (bytes: Uint8Array) =>
      file.appendFile(bytes).catch((error) => {
        throw notWritten(out, error);
      });
    return compare(inSteps(body), render, request, keep);
  });
}

async function compare(
  download: AsyncIterable<Uint8Array>,
  render: FinishedRender,
  { spec, byteSize }: DemoRequest,
  keep: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const check = new ReferenceCheck(spec);
  const progress = showProgress("Comparing every byte", byteSize);
  try {
    for await (const bytes of download) {
      await keep(bytes);
      notWrong(() => check.push(bytes));
      progress.add(bytes.length);
    }
  } finally {
    progress.end();
  }
  const { crc32 } = notWrong(() => check.end());
  if (crc32 === render.crc32) return;
  throw new StackError(`THE FILE IS WRONG: its CRC-32 is ${crc32}, and the API says ${render.crc32}.`);
}

function notWrong<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new StackError(`THE FILE IS WRONG: ${messageOf(error)}.`);
  }
}

function nameOf({ width, height, pattern, format }: RenderSpec): string {
  return `${width} × ${height} ${Object.keys(pattern).join()} as ${format}`;
}

function describe(request: DemoRequest, { id, render, seconds }: Report, stack: BorrowedStack): string {
  const { info } = stack;
  const { byteSize, partSize, partCount, retriedParts, crc32 } = render;
  const megabytesPerSecond = Math.round(byteSize / 1e6 / seconds);
  const retried = retriedParts === 0 ? "none sent twice" : `${retriedParts} sent more than once`;
  const copy = request.out === undefined ? "" : `${path.resolve(request.out)}, and in `;
  return `
Image        ${nameOf(request.spec)}
Size         ${byteSize.toLocaleString("en")} bytes
Parts        ${partCount} of ${Math.min(partSize, byteSize).toLocaleString("en")} bytes, ${retried}
Time         ${seconds.toFixed(2)} s from the mutation to COMPLETED, ${megabytesPerSecond} MB/s
Backend      ${render.backends.join(", ")}
Checked      every byte equals the reference; CRC-32 ${crc32}
File         ${copy}s3://${info.s3.bucket}/${objectKey(id, request.spec.format)} at ${info.s3.endpoint}
Temporal UI  ${render.workflow.url ?? "none configured (TEMPORAL_UI_URL)"}
${whatBecomesOf(stack, request.keep)}`;
}

function whatBecomesOf({ folder, wasRunning, demo }: BorrowedStack, keep: boolean): string {
  if (demo !== undefined) return `The stack is another demo's (process ${demo}), and stops with it.`;
  if (keep || wasRunning) {
    const pid = folder.readRecord()?.supervisor.pid;
    return `The stack goes on: ${folder.file("stack.json")} has its addresses, kill ${pid} stops it.`;
  }
  return `The stack stops now; its data stays in ${folder.path}. Use --keep to leave it running; npm start starts it again.`;
}
