import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { patterns } from "../images/patterns/index.ts";
import { runCommand } from "../stack/command.ts";
import { StackError } from "../stack/stack-error.ts";
import { benchEndToEnd } from "./end-to-end.ts";
import { benchLatency } from "./latency.ts";
import { describeMachine } from "./machine.ts";
import { benchMemory } from "./memory.ts";
import { createProgress } from "./progress.ts";
import { backends, benchRender } from "./render.ts";
import { type Benchmark, formatTable } from "./report.ts";

const USAGE = `Usage: npm run bench -- [render] [memory] [end-to-end] [latency] [options]

  render       the part pipeline alone: speed and cost of each stage by pattern,
               backend and thread count; numpy and netpbm beside it (5 min)
  memory       peak memory of a 40 GiB image beside a 256 MiB one's (3 min)
  end-to-end   2 GiB through the whole system, beside the bare upload of the
               same bytes and beside other ways; two GPU workers beside one
               where S3 is slow (20 min; 10 GiB of memory)
  latency      from the mutation to COMPLETED for 1920 × 1080, by steps (1 min)

Without a name, all of them. Tables go to standard output, everything else into
a JSON file in bench/results/.

  --runs N        runs of each measurement, of which the median is shown
  --backend NAME  render: only this backend (webasm, cpu, webgpu); may be
                  repeated
  --pattern NAME  render: only this pattern; may be repeated
`;

const benchmarks: Record<string, Benchmark> = {
  render: benchRender,
  memory: benchMemory,
  "end-to-end": benchEndToEnd,
  latency: benchLatency,
};

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: "string" },
      backend: { type: "string", multiple: true },
      pattern: { type: "string", multiple: true },
    },
  });
  const unknown = positionals.find((name) => !Object.hasOwn(benchmarks, name));
  if (unknown !== undefined) throw new StackError(`There is no benchmark ${unknown}; --help names them.`);
  if (values.runs !== undefined && !/^[1-9]\d{0,2}$/.test(values.runs)) {
    throw new StackError(`--runs is ${values.runs}; it must be a whole number from 1 to 999.`);
  }
  refuseUnknown(
    "--pattern",
    values.pattern,
    patterns.map(({ name }) => name),
  );
  refuseUnknown("--backend", values.backend, backends);
  const names = positionals.length > 0 ? positionals : Object.keys(benchmarks);
  if ((values.backend || values.pattern) && !names.includes("render")) {
    throw new StackError("--backend and --pattern choose what the benchmark render measures, which is not to run.");
  }
  return { values, names };
}

function refuseUnknown(option: string, given: string[] = [], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new StackError(`${option} is ${unknown}; it must be one of ${known.join(", ")}.`);
}

async function run(signal: AbortSignal): Promise<number> {
  const { values, names } = readArguments();
  const machine = describeMachine();
  const startedAt = new Date().toISOString();
  const progress = createProgress();
  const results: Record<string, object> = {};
  const { cpu, cores, memoryGiB, node, load } = machine;
  process.stdout.write(`${cpu}, ${cores} cores, ${memoryGiB} GiB, Node.js ${node}, load ${load.toFixed(1)}\n\n`);
  for (const name of names) {
    const report = await benchmarks[name]?.({
      ...(values.runs && { runs: Number(values.runs) }),
      ...(values.backend && { backends: values.backend }),
      ...(values.pattern && { patterns: values.pattern }),
      signal,
      progress: progress.show,
    }).finally(progress.clear);
    if (!report) continue;
    results[name] = report.results;
    for (const table of report.tables) process.stdout.write(`${formatTable(table)}\n`);
  }
  const folder = path.join(import.meta.dirname, "results");
  const file = path.join(folder, `${startedAt.replaceAll(":", "-").slice(0, 19)}.json`);
  await mkdir(folder, { recursive: true });
  await writeFile(file, `${JSON.stringify({ startedAt, machine, results }, undefined, 2)}\n`);
  process.stdout.write(`${path.relative(process.cwd(), file)}\n`);
  return 0;
}

// Every stack that a benchmark starts listens for this process's exit, as does every child.
process.setMaxListeners(100);

await runCommand(USAGE, run);
