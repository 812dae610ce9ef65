import { chmodSync, globSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { run } from "node:test";
import { parseArgs } from "node:util";
import { runCommand } from "../stack/command.ts";
import { findEngine } from "../stack/engines.ts";
import { runProgram } from "../stack/run-program.ts";
import { StackError } from "../stack/stack-error.ts";
import { showStep } from "../stack/terminal.mjs";
import { killDescendants } from "./support/kill-descendants.ts";
import { Report } from "./support/report.ts";

const USAGE = `Usage: npm test [-- NAME ...]

Type check, lint, dead code, and every test: first those beside the code,
several files at a time, then those in test/, which run on embedded stacks of
their own, two at a time. With NAMEs, only the test files whose paths contain
one. The last line is the count, "N passed, N failed"; the exit code is 0 only
where nothing failed.
`;

process.env["no_grpc_proxy"] = "127.0.0.1"; // the tests' Temporal is never behind the proxy that the environment may name

const root = path.join(import.meta.dirname, "..");

/** Much of what the files in test/ do is wait, for heartbeats that stay out or a process that is started again. */
const STACKS_AT_A_TIME = 2;

/** A test that takes longer than this hangs. For what then does not let its file end, there is support/preload.ts. */
const TEST_TIMEOUT_MS = 10 * 60_000;

const checks = [
  { name: "type check (tsc)", command: ["tsc"] },
  { name: "lint (biome)", command: ["biome", "ci", "--colors=off", "."] },
  { name: "dead code (knip)", command: ["knip", "--no-progress"] },
] as const;

await runCommand(USAGE, async (stop) => {
  const { positionals: names } = parseArgs({ allowPositionals: true });
  const files = testFiles(names);
  const report = new Report(root, files);
  if (names.length === 0) for (const check of checks) await runCheck(check, report, stop);
  for (const engine of ["temporal", "weed"] as const) await findEngine(engine, stop);
  const [onStacks, beside] = [files.filter(isInTest), files.filter((file) => !isInTest(file))];
  const temporary = temporaryFolder();
  process.env["TMPDIR"] = temporary;
  try {
    const signal = onceAllIsKilled(stop);
    await runTests(beside, availableParallelism(), report, signal);
    await runTests(onStacks, STACKS_AT_A_TIME, report, signal);
  } finally {
    await rm(temporary, { recursive: true, maxRetries: 10 }); // what Ctrl-C has reached may need a moment to end
  }
  return report.end(stop.aborted);
});

function testFiles(names: readonly string[]): string[] {
  const files = globSync("**/*.test.ts", { cwd: root, exclude: ["node_modules", ".data", ".cache"] })
    .filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
    .sort();
  if (files.length === 0) throw new StackError(`No test file's path contains ${names.join(" or ")}.`);
  return files;
}

function isInTest(file: string): boolean {
  return path.dirname(file) === "test";
}

/** For everything that the tests make. Whoever PostgreSQL runs as has to reach its own in it. */
function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "rasterlift-tests-"));
  chmodSync(folder, 0o711);
  return folder;
}

async function runCheck(check: (typeof checks)[number], report: Report, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const [program, ...args] = check.command;
  const step = showStep(check.name);
  const bin = path.join(root, "node_modules", ".bin", program);
  const { code, output } = await runProgram(bin, args, { cwd: root, signal });
  if (code === 0) step.done();
  else step.failed();
  if (!signal.aborted) report.check(check.name, code === 0, output);
}

/** Aborts with `stop`, after all that the test files have started is killed: by run() alone, their engines would live on. */
function onceAllIsKilled(stop: AbortSignal): AbortSignal {
  if (stop.aborted) return stop;
  const killed = new AbortController();
  stop.addEventListener("abort", () => {
    killDescendants();
    killed.abort();
  });
  return killed.signal;
}

async function runTests(files: string[], concurrency: number, report: Report, signal: AbortSignal): Promise<void> {
  if (files.length === 0 || signal.aborted) return;
  const paths = files.map((file) => path.join(root, file));
  const step = showStep(`${files.length} test files, ${concurrency} at a time`);
  const execArgv = ["--import", import.meta.resolve("./support/preload.ts")];
  for await (const event of run({ files: paths, cwd: root, concurrency, execArgv, signal, timeout: TEST_TIMEOUT_MS }))
    report.take(event);
  step.done();
}
