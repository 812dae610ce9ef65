import type { FileHandle } from "node:fs/promises";
import { parseArgs } from "node:util";
import * as z from "zod";
import { type BackendChoice, backendChoices } from "../gpu-worker/backend.ts";
import { RendererError } from "../gpu-worker/renderer-error.ts";
import { createRenderers, type Renderers } from "../gpu-worker/renderers.ts";
import { combineCrc32s, crc32Hex } from "../images/crc32.ts";
import type { Parameter, Pattern } from "../images/pattern.ts";
import { patterns } from "../images/patterns/index.ts";
import { planParts, rangesOf } from "../images/plan.ts";
import type { RenderSpec } from "../images/spec.ts";
import { checkSpec } from "../images/validate.ts";
import { maxRenderBytes, oneOf, readSettings } from "../service/settings.ts";
import { checkTarget } from "./check-target.ts";
import { runCommand } from "./command.ts";
import { showProgress } from "./progress-bar.ts";
import { notWritten, replaceFile } from "./replace-file.ts";
import { fileAsTyped, formatNames, readSpecOptions, specOptions } from "./spec-options.ts";
import { StackError } from "./stack-error.ts";

const USAGE = `Usage: npm run pattern -- NAME --width N --height N --out FILE [OPTION ...]

Renders an image (width and height in pixels) into a file on this machine: the
same check, the same renderer and the same bytes as a render into S3. FILE is
replaced where it exists, but only once the image is complete; it keeps its
permissions, and a symbolic link to it stays one. Until then the image is in
FILE.PID.partial, which stays where the command is killed by SIGKILL.

  --params JSON          the pattern's parameters, at least those without a
                         default
  --format FORMAT        ${formatNames.join(", ")}
                         (what FILE ends in: .bmp, .ppm or .tif)
  --row-order ORDER      of a BMP: BOTTOM_UP or TOP_DOWN (BOTTOM_UP)
  --pixels-per-metre N   of a BMP or BigTIFF (2835)

Settings from the environment (default):

  GPU_BACKEND            auto, webgpu, webasm or cpu (auto)
  MAX_RENDER_BYTES       the largest file (64 GiB)

Patterns, with their parameters:

${patterns.map(describe).join("\n")}`;

const patternSettings = z.object({
  GPU_BACKEND: oneOf(backendChoices).default("auto"),
  MAX_RENDER_BYTES: maxRenderBytes,
});

interface Image {
  spec: RenderSpec;
  byteSize: number;
}

async function run(stop: AbortSignal): Promise<number> {
  const options = { ...specOptions, out: { type: "string" } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const { out: typed, ...image } = values;
  const [name, ...surplus] = positionals;
  if (!name || surplus.length > 0) {
    throw new StackError(
      "Name one pattern, and put its options after --: npm run pattern -- NAME --width …; -- --help lists them all.",
    );
  }
  if (!typed) throw new StackError("--out is missing; name the file to write.");
  const out = fileAsTyped(typed);
  const settings = readSettings(patternSettings);
  const check = checkSpec(readSpecOptions(name, out, image), { maxRenderBytes: settings.MAX_RENDER_BYTES });
  if ("issues" in check) throw new StackError(check.issues.map(({ message }) => message).join("\n"));
  await checkTarget(out);
  const backend = settings.GPU_BACKEND;
  await render(check, out, backend, stop).catch((error: unknown) => {
    throw inWords(error, { file: out, backend });
  });
  return 0;
}

/** What a person can do something about, as a StackError; everything else as it is. */
function inWords(error: unknown, { file, backend }: { file: string; backend: BackendChoice }): unknown {
  if (error instanceof RendererError) return new StackError(`GPU_BACKEND=${backend}: ${error.message}`);
  if (!(error instanceof Error && "syscall" in error)) return error;
  return notWritten(file, error);
}

async function render(image: Image, file: string, backend: BackendChoice, stop: AbortSignal): Promise<void> {
  const renderers = await createRenderers({ backend, md5: false });
  try {
    await writeFile(image, file, renderers, stop);
  } finally {
    await renderers.close();
  }
}

async function writeFile(image: Image, file: string, renderers: Renderers, stop: AbortSignal): Promise<void> {
  const { spec, byteSize } = image;
  const started = performance.now();
  const progress = showProgress(`Rendering ${file}`, byteSize);
  const crc32 = await replaceFile(file, (handle) =>
    renderInto(handle, image, renderers, { stop, onWritten: progress.add }),
  ).finally(progress.end);
  const seconds = (performance.now() - started) / 1000;
  process.stderr.write(
    `${file}: ${spec.width} × ${spec.height} ${spec.format}, ${byteSize} bytes, ` +
      `CRC-32 ${crc32Hex(crc32)}, in ${seconds.toFixed(1)} s ` +
      `(${renderers.backend}, ${Math.round(byteSize / 1e6 / seconds)} MB/s)\n`,
  );
}

/**
 * Renders the file's parts side by side and writes each where it belongs; memory is one part a renderer thread and one
 * more.
 * @returns the file's CRC-32
 * @throws the first failure, or the reason to stop; nothing is written any more then
 */
async function renderInto(
  handle: FileHandle,
  { spec, byteSize }: Image,
  renderers: Renderers,
  { stop, onWritten }: { stop: AbortSignal; onWritten: (bytes: number) => void },
): Promise<number> {
  const plan = planParts(byteSize);
  const crc32s: number[] = [];
  const waiting = rangesOf(plan).entries();
  const failure = new AbortController();
  const signal = AbortSignal.any([stop, failure.signal]);

  const renderNextOnes = async () => {
    const target = new Uint8Array(new SharedArrayBuffer(Math.min(plan.partSize, byteSize)));
    for (const [index, range] of waiting) {
      const length = range.end - range.start;
      const { crc32 } = await renderers.render(spec, range, target, { signal });
      await writeAt(handle, target.subarray(0, length), range.start);
      crc32s[index] = crc32;
      onWritten(length);
    }
  };
  const lanes = Array.from({ length: Math.min(renderers.threads + 1, plan.partCount) }, renderNextOnes);
  await Promise.all(lanes.map((lane) => lane.catch((error: unknown) => failure.abort(error))));
  signal.throwIfAborted();
  return combineCrc32s(crc32s, plan);
}

/** A single write may take fewer bytes than it was given. */
async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

function describe({ name, description, parameters, example }: Pattern): string {
  const lines = Object.entries(parameters).map(([field, parameter]) =>
    wrapped(`  ${field.padEnd(11)} ${rangeOf(parameter)}. ${parameter.description}`, 14),
  );
  const sample = `  e.g. --params '${JSON.stringify(example)}'\n`;
  return [wrapped(`${name}: ${description}`, 2), ...lines, sample].join("\n");
}

/** In lines of at most 80 columns, broken at spaces and, in a list, after commas; the later ones are indented. */
function wrapped(text: string, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?<=[ ,])/)) {
    if (line.length + word.trimEnd().length > 80) {
      lines.push(line.trimEnd());
      line = " ".repeat(indent);
    }
    line += word;
  }
  return [...lines, line].join("\n");
}

function rangeOf(parameter: Parameter): string {
  const range = "minimum" in parameter ? ` ${parameter.minimum} … ${parameter.maximum}` : "";
  return `${parameter.type}${range}${defaultOf(parameter)}`;
}

function defaultOf(parameter: Parameter): string {
  if ("optional" in parameter) return ", optional";
  return parameter.default === undefined ? ", required" : ` (${JSON.stringify(parameter.default)})`;
}

await runCommand(USAGE, run);
