import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { waitFor } from "../test/support/wait-for.ts";
import { isAlive } from "./process-identity.mjs";
import { StackError } from "./stack-error.ts";
import { Supervised } from "./supervised.ts";

let logs: string;
beforeEach(() => {
  logs = mkdtempSync(path.join(tmpdir(), "rasterlift-logs-"));
});
afterEach(() => rmSync(logs, { recursive: true }));

const always = async () => true;

function supervise(script: string, said: string[] = [], stopWithinMs = 5_000): Supervised {
  const program = { name: "sample", command: process.execPath, args: ["-e", script], env: process.env, stopWithinMs };
  return new Supervised(program, logs, { changed: () => {}, say: (line) => said.push(line) });
}

test("a killed process is started again at once, then after a pause", async () => {
  const said: string[] = [];
  const supervised = supervise("setInterval(() => {}, 1000)", said);
  await supervised.ready(always);
  for (const expected of [/; starting it again;/, /; starting it again in 0.5 s;/]) {
    const { pid = 0 } = supervised.identity ?? {};
    process.kill(pid, "SIGKILL");
    await waitFor("another process", () => supervised.identity !== undefined && supervised.identity.pid !== pid);
    assert.match(said.at(-1) ?? "", expected);
  }
  await supervised.stop();
  assert.equal(supervised.identity, undefined);
});

test("one whose log's folder somebody removes is started again, with a log", async (t) => {
  const supervised = supervise("console.log('here'); setInterval(() => {}, 1000)");
  t.after(() => supervised.stop());
  await supervised.ready(always);
  rmSync(logs, { recursive: true });
  process.kill(supervised.identity?.pid ?? 0, "SIGKILL");
  await waitFor("its log", () => (statSync(supervised.logFile, { throwIfNoEntry: false })?.size ?? 0) > 0);
});

test("one that cannot be started again is tried again after a pause", async (t) => {
  const said: string[] = [];
  const supervised = supervise("setInterval(() => {}, 1000)", said);
  t.after(() => supervised.stop());
  await supervised.ready(always);
  const { pid = 0 } = supervised.identity ?? {};
  rmSync(logs, { recursive: true });
  writeFileSync(logs, "no folder");
  process.kill(pid, "SIGKILL");
  await waitFor("the complaint", () => said.length === 2);
  assert.match(said[1] ?? "", /^sample ended \(it could not be started: .*ENOTDIR.*\); starting it again in 0\.5 s;/);
  rmSync(logs);
  await waitFor("another process", () => supervised.identity !== undefined);
  assert.notEqual(supervised.identity?.pid, pid);
});

test("one that ends before it is ready is reported with its log's end, and not started again", async () => {
  const supervised = supervise("console.error('no space left on device'); process.exit(3)");
  await assert.rejects(
    supervised.ready(async () => false),
    (error) => {
      assert.ok(error instanceof StackError);
      assert.match(
        error.message,
        /^sample stopped before it was ready \(exit code 3\): the disk is full.*\n {2}no space left on device$/s,
      );
      return true;
    },
  );
  await supervised.stop();
});

test("a log that somebody removes, or that cannot be cut or found, stops nothing", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const said: string[] = [];
  const supervised = supervise("setInterval(() => {}, 1000)", said);
  await supervised.ready(always);
  truncateSync(supervised.logFile, 64 * 2 ** 20);
  mkdirSync(path.join(logs, "sample.1.log"));
  t.mock.timers.tick(60_000);
  await waitFor("the complaint", () => said.length > 0);
  assert.match(said[0] ?? "", /The log .* could not be cut: /);
  rmSync(supervised.logFile);
  t.mock.timers.tick(60_000);
  assert.equal(said.length, 1);
  symlinkSync("sample.log", supervised.logFile);
  t.mock.timers.tick(60_000);
  await supervised.stop();
  assert.equal(said.length, 2);
});

test("one that ignores SIGTERM is killed after its time, with what it started", async () => {
  const script = `process.on("SIGTERM", () => {});
    const child = require("node:child_process").spawn("sleep", ["60"]); console.log(child.pid); setInterval(() => {}, 1000);`;
  const supervised = supervise(script, [], 200);
  const log = () => readFileSync(supervised.logFile, "utf8").trim();
  await supervised.ready(async () => log() !== "");
  const grandchild = Number(log());
  assert.equal(isAlive(grandchild), true);
  await supervised.stop();
  await waitFor("the end of the grandchild", () => !isAlive(grandchild));
});
