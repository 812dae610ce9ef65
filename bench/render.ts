import { BufferPool } from "../gpu-worker/buffer-pool.ts";
import type { StageTimes } from "../gpu-worker/renderer.ts";
import { RendererError } from "../gpu-worker/renderer-error.ts";
import { createRenderers, type Renderers } from "../gpu-worker/renderers.ts";
import { createUploader, type Uploader } from "../gpu-worker/uploader.ts";
import { byteSizeOf } from "../images/formats/index.ts";
import { patterns } from "../images/patterns/index.ts";
import { planParts, rangesOf } from "../images/plan.ts";
import type { RenderSpec } from "../images/spec.ts";
import { inParallel } from "../test/support/in-parallel.ts";
import { type Child, startChild } from "./child.ts";
import { bmp24, PART_SIZE, STANDARD_SIDE } from "./images.ts";
import { benchOtherRenderers } from "./other-renderers.ts";
import { type BenchSettings, percent, type Report, type Table, verdict } from "./report.ts";
import { median } from "./statistics.ts";

const RUNS = 3;
const THREAD_COUNTS = [1, 2];
export const backends = ["webasm", "cpu", "webgpu"] as const;

/** Parts of one run: 192 MiB, and the buffers stay in nobody's cache. */
const PARTS = 12;
const PARTS_IN_FLIGHT = 4;

/** Megapixels packed a second by two threads on webasm. */
const GOALS = { simple: 250, noise: 100 };

interface Measurement {
  backend: string;
  threads: number;
  pattern: string;
  /** All threads together, kernel and packing alone. */
  packedMpxPerSecond: number;
  /** With both digests. */
  digestedMpxPerSecond: number;
  /** With the PUT to a server that drops everything; that server runs on the same cores. */
  putMBPerSecond: number;
  /** Each stage's share of the processor time that a part takes. */
  shares: StageTimes & { put: number };
}

/** The part pipeline alone, stage by stage, and what others need for the same image. */
export async function benchRender(settings: BenchSettings): Promise<Report> {
  const { signal } = settings;
  using server = startChild("discard-server.ts", [], signal);
  const url = await addressOf(server);
  const uploader = createUploader({ stallSeconds: 30 });
  const measurements: Measurement[] = [];
  const skipped: string[] = [];
  try {
    for (const backend of backends) {
      if (settings.backends && !settings.backends.includes(backend)) continue;
      for (const threads of THREAD_COUNTS) {
        try {
          measurements.push(...(await benchBackend({ backend, threads, uploader, url }, settings)));
        } catch (error) {
          if (!(error instanceof RendererError)) throw error;
          if (threads === THREAD_COUNTS[0]) skipped.push(`${backend} skipped: ${error.message}`);
        }
      }
    }
  } finally {
    uploader.close();
  }
  const others = await benchOtherRenderers(settings);
  return {
    tables: [stageTable(measurements, skipped), ...others.tables],
    results: { measurements, skipped, others: others.results },
  };
}

async function addressOf(server: Child): Promise<string> {
  for await (const address of server.messages) return String(address);
  throw new Error("The server that drops what it is sent did not start.");
}

interface Pipeline {
  backend: (typeof backends)[number];
  threads: number;
  uploader: Uploader;
  url: string;
}

async function benchBackend(
  { backend, threads, uploader, url }: Pipeline,
  { runs = RUNS, patterns: chosen, signal, progress }: BenchSettings,
): Promise<Measurement[]> {
  const renderers = await createRenderers({ backend, threads, md5: true });
  const measurements: Measurement[] = [];
  try {
    for (const { name } of patterns) {
      if (chosen && !chosen.includes(name)) continue;
      const spec = bmp24(name, { width: STANDARD_SIDE, height: STANDARD_SIDE });
      await renderParts(renderers, spec, signal);
      const results: RunResult[] = [];
      for (let run = 1; run <= runs; run++) {
        progress(
          `render: ${renderers.backend}, ${threads} thread${threads > 1 ? "s" : ""}, ${name}, run ${run}/${runs}`,
        );
        results.push(await runOnce(renderers, spec, { uploader, url, signal }));
      }
      measurements.push({ backend: renderers.backend, threads, pattern: name, ...summarize(results) });
    }
  } finally {
    await renderers.close();
  }
  return measurements;
}

type RunResult = Omit<Measurement, "backend" | "threads" | "pattern">;

async function runOnce(
  renderers: Renderers,
  spec: RenderSpec,
  { uploader, url, signal }: { uploader: Uploader; url: string; signal: AbortSignal },
): Promise<RunResult> {
  const bytes = PARTS * PART_SIZE;
  const megapixels = bytes / 3e6;
  const rendered = await renderParts(renderers, spec, signal);

  const cpuBefore = process.threadCpuUsage();
  const put = await renderParts(renderers, spec, signal, async (part, md5) => {
    await uploader.put({ url, bytes: part, md5, signal, onProgress: () => {} });
  });
  const cpu = process.threadCpuUsage(cpuBefore);

  const { kernel, packing, crc32, md5 } = rendered.stages;
  const putMs = (cpu.user + cpu.system) / 1000;
  const all = kernel + packing + crc32 + md5 + putMs;
  return {
    packedMpxPerSecond: (renderers.threads * megapixels * 1000) / (kernel + packing),
    digestedMpxPerSecond: megapixels / rendered.seconds,
    putMBPerSecond: bytes / 1e6 / put.seconds,
    shares: { kernel: kernel / all, packing: packing / all, crc32: crc32 / all, md5: md5 / all, put: putMs / all },
  };
}

/** Renders the image's first parts as the worker does, and hands each to `then`. */
async function renderParts(
  renderers: Renderers,
  spec: RenderSpec,
  signal: AbortSignal,
  then: (part: Uint8Array, md5: string | undefined) => Promise<void> = async () => {},
): Promise<{ seconds: number; stages: StageTimes }> {
  const ranges = rangesOf(planParts(byteSizeOf(spec), PART_SIZE)).slice(0, PARTS);
  const stages: StageTimes = { kernel: 0, packing: 0, crc32: 0, md5: 0 };
  const start = performance.now();
  await inParallel(ranges, PARTS_IN_FLIGHT, async (range) => {
    using loan = await buffers.acquire(range.end - range.start, signal);
    const { times: part, md5 } = await renderers.render(spec, range, loan.bytes, { signal });
    stages.kernel += part.kernel;
    stages.packing += part.packing;
    stages.crc32 += part.crc32;
    stages.md5 += part.md5;
    await then(loan.bytes, md5);
  });
  return { seconds: (performance.now() - start) / 1000, stages };
}

const buffers = new BufferPool(PARTS_IN_FLIGHT * PART_SIZE);

function summarize(results: RunResult[]): RunResult {
  const middle = (of: (result: RunResult) => number) => median(results.map(of));
  return {
    packedMpxPerSecond: middle((result) => result.packedMpxPerSecond),
    digestedMpxPerSecond: middle((result) => result.digestedMpxPerSecond),
    putMBPerSecond: middle((result) => result.putMBPerSecond),
    shares: {
      kernel: middle((result) => result.shares.kernel),
      packing: middle((result) => result.shares.packing),
      crc32: middle((result) => result.shares.crc32),
      md5: middle((result) => result.shares.md5),
      put: middle((result) => result.shares.put),
    },
  };
}

function stageTable(measurements: Measurement[], skipped: string[]): Table {
  return {
    title: `Part pipeline: BMP24, ${STANDARD_SIDE} pixels wide, parts of 16 MiB`,
    columns: ["", "packed", "goal", "+ digests", "MB/s put", "kernel", "packing", "CRC-32", "MD5", "PUT"],
    rows: measurements.map((m) => [
      `${m.backend} × ${m.threads}  ${m.pattern}`,
      m.packedMpxPerSecond.toFixed(),
      verdictOf(m),
      m.digestedMpxPerSecond.toFixed(),
      m.putMBPerSecond.toFixed(),
      ...[m.shares.kernel, m.shares.packing, m.shares.crc32, m.shares.md5, m.shares.put].map(percent),
    ]),
    notes: [
      "packed: kernel and packing alone, all threads together, in Mpx/s; + digests: with CRC-32 and MD5;",
      "put: also sent to a local HTTP server that drops it, on the same cores.",
      "Shares are of the processor time of a part. The pixels are not copied on webasm (they are packed where gpu.js leaves",
      "them); on cpu and webgpu a copy is in packing's share, and the way back from the GPU in the kernel's.",
      "Rows that repeat earlier ones are copied, which is in the kernel's share.",
      ...skipped,
    ],
  };
}

function verdictOf({ backend, threads, pattern, packedMpxPerSecond }: Measurement): string {
  if (backend !== "webasm" || threads !== 2) return "";
  const goal = pattern === "noise" ? GOALS.noise : GOALS.simple;
  return verdict(String(goal), packedMpxPerSecond >= goal);
}
