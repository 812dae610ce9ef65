import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { createRenderers, type Renderers } from "../gpu-worker/renderers.ts";
import { byteSizeOf } from "../images/formats/index.ts";
import { planParts, rangesOf } from "../images/plan.ts";
import type { RenderSpec } from "../images/spec.ts";
import { inParallel } from "../test/support/in-parallel.ts";
import { timeCommand } from "./child.ts";
import { type Contestant, holdContest, type Standing } from "./contest.ts";
import { bmp24, PART_SIZE, STANDARD_SIDE } from "./images.ts";
import { installPythonTools } from "./python-tools.ts";
import { type BenchSettings, type Table, times } from "./report.ts";

const RUNS = 3;
const THREADS = [1, 2];

/** 0.66 GB, a second or two for each. */
const SIZE = { width: STANDARD_SIDE, height: 8_192 };

interface Contest {
  pattern: string;
  standings: Standing[];
  /** Why the other program did not take part. */
  skipped?: string;
}

/** In colours, which pamgradient writes in three bytes a pixel; greys it would write in one. */
const GRADIENT = { from: "#FF0000", to: "#FFFF00" };

/** The same image by Rasterlift's renderer on webasm and by other programs, each to where its bytes are dropped. */
export async function benchOtherRenderers(settings: BenchSettings): Promise<{ tables: Table[]; results: Contest[] }> {
  const results: Contest[] = [];
  for (const { pattern, values, find } of [
    { pattern: "allRgb", values: {}, find: findNumpy },
    { pattern: "gradient", values: GRADIENT, find: findPamgradient },
  ]) {
    if (settings.patterns && !settings.patterns.includes(pattern)) continue;
    const spec = bmp24(pattern, SIZE, values);
    const other = await find(settings.signal);
    const renderers = await Promise.all(
      THREADS.map((threads) => createRenderers({ backend: "webasm", threads, md5: false })),
    );
    try {
      const contestants = renderers.map((pool) => wholeImage(pool, spec, settings.signal));
      for (const { run } of contestants) await run();
      if ("run" in other) contestants.push(other);
      const standings = await holdContest(`render: ${pattern}`, settings.runs ?? RUNS, contestants, settings);
      results.push({ pattern, standings, ...("skipped" in other && other) });
    } finally {
      await Promise.all(renderers.map((pool) => pool.close()));
    }
  }
  return { tables: results.length > 0 ? [contestTable(results)] : [], results };
}

/** Every part of the image, with its CRC-32 but without MD5, which the others do not compute either. */
function wholeImage(renderers: Renderers, spec: RenderSpec, signal: AbortSignal): Contestant {
  const { threads } = renderers;
  const ranges = rangesOf(planParts(byteSizeOf(spec), PART_SIZE));
  const buffers = Array.from({ length: threads }, sharedPart);
  return {
    name: `Rasterlift, ${threads} thread${threads > 1 ? "s" : ""}`,
    run: async () => {
      const free = [...buffers];
      const start = performance.now();
      await inParallel(ranges, threads, async (range) => {
        const buffer = free.pop() ?? sharedPart();
        await renderers.render(spec, range, buffer, { signal });
        free.push(buffer);
      });
      return (performance.now() - start) / 1000;
    },
  };
}

const sharedPart = () => new Uint8Array(new SharedArrayBuffer(PART_SIZE));

type Other = Contestant | { skipped: string };

async function findNumpy(signal: AbortSignal): Promise<Other> {
  const tools = await installPythonTools(signal);
  if ("skipped" in tools) return tools;
  const program = path.join(import.meta.dirname, "others", "all-rgb.py");
  const command = ["python3", program, String(SIZE.width), String(SIZE.height)];
  return { name: "numpy, streaming", run: () => timeCommand(command, tools.env, signal) };
}

async function findPamgradient(signal: AbortSignal): Promise<Other> {
  const { from, to } = GRADIENT;
  const corners = [from, to, from, to];
  const command = ["pamgradient", ...corners, String(SIZE.width), String(SIZE.height)];
  try {
    await promisify(execFile)("pamgradient", ["--version"], { signal });
  } catch {
    signal.throwIfAborted();
    return { skipped: "pamgradient skipped: not installed (apt-get install netpbm)" };
  }
  return { name: "netpbm's pamgradient", run: () => timeCommand(command, process.env, signal) };
}

function contestTable(contests: Contest[]): Table {
  const megapixels = (SIZE.width * SIZE.height) / 1e6;
  return {
    title: `Others: ${SIZE.width} × ${SIZE.height} pixels, bytes dropped`,
    columns: ["", "seconds", "Mpx/s", "Rasterlift, 2 threads, is"],
    rows: contests.flatMap(({ pattern, standings }) => {
      const best = standings[THREADS.length - 1]?.medianSeconds ?? Number.NaN;
      return standings.map(({ name, medianSeconds }) => [
        `${pattern}  ${name}`,
        medianSeconds.toFixed(2),
        (megapixels / medianSeconds).toFixed(),
        times(medianSeconds / best),
      ]);
    }),
    notes: [
      "Rasterlift on webasm with CRC-32, without MD5, in a running process; the others with their start.",
      "Rasterlift copies rows that repeat, which are all of gradient's; pamgradient's gradient differs by one level",
      "in some pixels.",
      ...contests.flatMap(({ skipped }) => skipped ?? []),
    ],
  };
}
