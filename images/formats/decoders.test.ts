import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { messageOf } from "../../service/errors.ts";
import { installWithPip } from "../../test/support/pip.ts";
import { patternOf } from "../patterns/index.ts";
import type { RenderSpec } from "../spec.ts";
import { byteSizeOf, formatOf, formats } from "./index.ts";

/** A decoder that others wrote, which gives a file's pixels as R, G, B bytes from the top row. */
interface Decoder {
  command: string[];
  /** What tells it from other programs of the same name, and what that prints. */
  version: { command: string[]; prints: RegExp };
  env?: NodeJS.ProcessEnv;
  /** The formats it reads; all where absent. */
  reads?: RegExp;
  /** Whether it answers with a PPM file instead of bare pixels. */
  answersPpm?: true;
  install: string;
}

const PILLOW = `
import sys
from PIL import Image
Image.MAX_IMAGE_PIXELS = None
sys.stdout.buffer.write(Image.open(sys.argv[1]).convert("RGB").tobytes())`;

const pillow = await installWithPip(join(import.meta.dirname, "pillow.txt")).catch((error: unknown) => ({
  missing: messageOf(error),
}));

const netpbm = (program: string, ...args: string[]) => ({
  command: [program, ...args, "FILE"],
  version: { command: [program, "--version"], prints: /Netpbm/ },
  answersPpm: true as const,
  install: "apt-get install netpbm",
});

const decoders: Record<string, Decoder> = {
  Pillow: {
    command: ["python3", "-c", PILLOW, "FILE"],
    version: { command: ["python3", "-c", "import PIL; print('Pillow', PIL.__version__)"], prints: /^Pillow/ },
    ...(typeof pillow === "string" ? { env: { ...process.env, PYTHONPATH: pillow } } : {}),
    install: typeof pillow === "string" ? "pip install Pillow" : `pip install Pillow, which said: ${pillow.missing}`,
  },
  ImageMagick: {
    command: ["convert", "FILE", "-depth", "8", "rgb:-"],
    version: { command: ["convert", "-version"], prints: /^Version: ImageMagick/ },
    install: "apt-get install imagemagick",
  },
  "netpbm's bmptopnm": { ...netpbm("bmptopnm"), reads: /BMP/ },
  "netpbm's tifftopnm": { ...netpbm("tifftopnm"), reads: /TIFF/ },
  "netpbm's pamdepth": { ...netpbm("pamdepth", "255"), reads: /PPM/ },
};

const folder = mkdtempSync(join(tmpdir(), "rasterlift-formats-"));
after(() => rmSync(folder, { recursive: true }));

const sizes = [
  [1, 1],
  [2, 3],
  [3, 2],
  [5, 7],
  [640, 1],
  [1, 481],
  [701, 1203],
] as const;

/** The pixels of a spec, R, G, B from the top row. */
function pixelsOf(spec: RenderSpec): Buffer {
  const { pattern, values } = patternOf(spec);
  const { column, row, table } = pattern.tables(values, spec);
  const pixels = Buffer.alloc(3 * spec.width * spec.height);
  for (let y = 0; y < spec.height; y++) {
    for (let x = 0; x < spec.width; x++) {
      const color = pattern.kernel.call({ thread: { x: 0, y: 0 } }, [column(x)], [row(y)], [...table]);
      pixels.writeUIntBE(color, 3 * (y * spec.width + x), 3);
    }
  }
  return pixels;
}

/** The whole file, put together in the simplest way. */
function fileOf(spec: RenderSpec, pixels: Buffer): Uint8Array {
  const format = formatOf(spec);
  const file = new Uint8Array(byteSizeOf(spec));
  const headerSize = format.headerSize(spec);
  format.writeHeader(spec, 0, file.subarray(0, headerSize));
  for (let y = 0; y < spec.height; y++) {
    const fileRow = format.bottomUp(spec) ? spec.height - 1 - y : y;
    for (let x = 0; x < spec.width; x++) {
      const from = 3 * (y * spec.width + x);
      const rgb = pixels.subarray(from, from + 3);
      const at = headerSize + fileRow * format.stride(spec.width) + x * format.bytesPerPixel;
      file.set(format.channelOrder === "RGB" ? rgb : rgb.toReversed(), at);
    }
  }
  return file;
}

const specs = formats.flatMap((format) =>
  sizes.flatMap(([width, height]) =>
    (["BOTTOM_UP", "TOP_DOWN"] as const).map(
      (rowOrder): RenderSpec => ({
        width,
        height,
        pattern: { noise: { seed: 7, monochrome: false } },
        format: format.name,
        rowOrder,
        pixelsPerMetre: rowOrder === "TOP_DOWN" ? 2835 : 0,
      }),
    ),
  ),
);

const files = specs.map((spec, i) => {
  const path = join(folder, `${i}.${formatOf(spec).extension}`);
  const pixels = pixelsOf(spec);
  writeFileSync(path, fileOf(spec, pixels));
  return { spec, path, pixels, name: `${spec.format} ${spec.width} × ${spec.height} ${spec.rowOrder}` };
});

function run([command = "", ...args]: readonly string[], path = "", env = process.env) {
  const given = args.map((arg) => (arg === "FILE" ? path : arg));
  return spawnSync(command, given, { maxBuffer: 2 ** 28, env });
}

function isInstalled({ version, env }: Decoder): boolean {
  const { stdout, stderr } = run(version.command, undefined, env);
  return version.prints.test(`${stdout}${stderr}`);
}

for (const [name, decoder] of Object.entries(decoders)) {
  test(`${name} reads every pixel as it was meant`, (t) => {
    if (!isInstalled(decoder)) return t.skip(`not installed: ${decoder.install}`);
    const { command, env, reads = /./, answersPpm } = decoder;
    for (const file of files.filter(({ spec }) => reads.test(spec.format))) {
      const { status, stdout, stderr } = run(command, file.path, env);
      assert.equal(status, 0, `${file.name}: ${stderr}`);
      const decoded = answersPpm ? stdout.subarray(stdout.indexOf("\n255\n") + 5) : stdout;
      assert.ok(decoded.equals(file.pixels), `${file.name} differs`);
    }
  });
}

test("libtiff's tiffinfo reads every BigTIFF without a warning", (t) => {
  for (const file of files.filter(({ spec }) => spec.format === "BIGTIFF")) {
    const { status, stdout, stderr, error } = run(["tiffinfo", "-D", "FILE"], file.path);
    if (error) return t.skip("not installed: apt-get install libtiff-tools");
    assert.equal(status, 0);
    assert.equal(String(stderr), "", file.name);
    assert.match(String(stdout), new RegExp(`Image Width: ${file.spec.width} Image Length: ${file.spec.height}`));
    const resolution =
      file.spec.pixelsPerMetre === 0 ? /Resolution: 1, 1 \(unitless\)/ : /Resolution: 28.35, 28.35 pixels\/cm/;
    assert.match(String(stdout), resolution);
  }
});
