import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { encode } from "fast-png";
import { createRenderers, type Renderers } from "../gpu-worker/renderers.ts";
import { byteSizeOf, formatOf } from "../images/formats/index.ts";
import { patterns } from "../images/patterns/index.ts";
import type { RenderSpec } from "../images/spec.ts";
import { runCommand } from "./command.ts";
import { exampleSpec, picturePath } from "./example.ts";

const USAGE = `Usage: npm run gallery

Renders every pattern's example and writes it into docs/patterns/, for
docs/patterns.md.
`;

async function drawGallery(): Promise<number> {
  parseArgs({ options: {} });
  const renderers = await createRenderers({ backend: "auto", threads: 1, md5: false });
  try {
    for (const pattern of patterns) {
      const file = picturePath(pattern);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, await drawPng(exampleSpec(pattern), renderers));
      console.log(path.relative(process.cwd(), file));
    }
  } finally {
    await renderers.close();
  }
  return 0;
}

/** A PPM after its header is what PNG begins with: red, green and blue by rows from the top. */
async function drawPng(spec: RenderSpec, renderers: Renderers): Promise<Uint8Array> {
  const end = byteSizeOf(spec);
  const bytes = new Uint8Array(new SharedArrayBuffer(end));
  await renderers.render(spec, { start: 0, end }, bytes);
  const data = bytes.slice(formatOf(spec).headerSize(spec));
  return encode({ width: spec.width, height: spec.height, data, channels: 3 }, { zlib: { level: 9 } });
}

await runCommand(USAGE, drawGallery);
