import { byteSizeOf } from "../images/formats/index.ts";
import type { RenderSpec } from "../images/spec.ts";
import { startChild } from "./child.ts";
import { bmp24 } from "./images.ts";
import { type BenchSettings, percent, type Report, times } from "./report.ts";
import { median } from "./statistics.ts";

const GIB = 2 ** 30;
const MIB = 2 ** 20;

const images: { name: string; spec: RenderSpec }[] = [
  { name: "256 MiB BMP24", spec: bmp24("allRgb", { width: 9_459, height: 9_459 }) },
  { name: "40 GiB BIGTIFF", spec: { ...bmp24("allRgb", { width: 119_652, height: 119_652 }), format: "BIGTIFF" } },
];

interface DryRun {
  peakBytes: number;
  seconds: number;
  backend: string;
}

/** Peak memory of rendering every part of a large image and of a small one, each in a process of its own. */
export async function benchMemory(settings: BenchSettings): Promise<Report> {
  const { runs = 1 } = settings;
  const results: { name: string; byteSize: number; peakBytes: number; medianSeconds: number; runs: DryRun[] }[] = [];
  for (const { name, spec } of images) {
    const dryRuns: DryRun[] = [];
    for (let run = 1; run <= runs; run++) dryRuns.push(await dryRun(name, spec, settings));
    results.push({
      name,
      byteSize: byteSizeOf(spec),
      peakBytes: median(dryRuns.map(({ peakBytes }) => peakBytes)),
      medianSeconds: median(dryRuns.map(({ seconds }) => seconds)),
      runs: dryRuns,
    });
  }
  const smallest = results[0]?.peakBytes ?? Number.NaN;
  const table = {
    title: "Memory: every part rendered as the GPU worker does, with digests, and dropped",
    columns: ["", "bytes", "seconds", "MB/s", "peak resident", "of the small one's"],
    rows: results.map(({ name, byteSize, peakBytes, medianSeconds }) => [
      name,
      String(byteSize),
      medianSeconds.toFixed(1),
      (byteSize / 1e6 / medianSeconds).toFixed(),
      `${(peakBytes / MIB).toFixed()} MiB`,
      times(peakBytes / smallest),
    ]),
  };
  return { tables: [table], results: { images: results } };
}

async function dryRun(name: string, spec: RenderSpec, { signal, progress }: BenchSettings): Promise<DryRun> {
  using child = startChild("dry-run.ts", [JSON.stringify(spec)], signal);
  const byteSize = byteSizeOf(spec);
  for await (const message of child.messages) {
    if (isDryRun(message)) return message;
    if (!isProgress(message)) continue;
    const { bytesDone } = message;
    progress(`memory: ${name}, ${(bytesDone / GIB).toFixed(1)} GiB, ${percent(bytesDone / byteSize)}`);
  }
  throw new Error(`The dry run of ${name} ended before it was done.`);
}

function isDryRun(message: unknown): message is DryRun {
  return typeof message === "object" && message !== null && "peakBytes" in message;
}

function isProgress(message: unknown): message is { bytesDone: number } {
  return typeof message === "object" && message !== null && "bytesDone" in message;
}
