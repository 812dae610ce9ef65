import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

const LENGTH = 3_000_000; // more than any pipe holds
const PRINT = "process.stdout.write(long);";

/** A command that does `statements`, or shows its long help. */
function start(statements: string, args: readonly string[] = [], stdout: "pipe" | number = "pipe") {
  const module = JSON.stringify(path.join(import.meta.dirname, "command.ts"));
  const script = `const { runCommand } = await import(${module});
    const long = "x".repeat(${LENGTH});
    await runCommand(long, async () => { ${statements} return 0; });`;
  return spawn(process.execPath, ["--input-type=module", "-e", script, "command", ...args], {
    stdio: ["ignore", stdout, "pipe"],
  });
}

async function endOf(child: ReturnType<typeof start>) {
  const [[code], stderr] = await Promise.all([once(child, "close"), child.stderr ? text(child.stderr) : ""]);
  return { code, stderr };
}

const readOnly = openSync("/dev/null", "r");

for (const [what, args] of [
  ["what a command prints", []],
  ["its help", ["--help"]],
] as const) {
  test(`${what} reaches a reader whole`, async () => {
    const child = start(PRINT, args);
    const [stdout, end] = await Promise.all([child.stdout ? text(child.stdout) : "", endOf(child)]);
    assert.equal(stdout.length, LENGTH);
    assert.deepEqual(end, { code: 0, stderr: "" });
  });

  test(`${what} may have no reader any more`, async () => {
    const child = start(PRINT, args);
    child.stdout?.destroy();
    assert.deepEqual(await endOf(child), { code: 0, stderr: "" });
  });

  test(`${what} cannot be written: one line says so, and the exit code is 1`, async () => {
    const { code, stderr } = await endOf(start(PRINT + PRINT, args, readOnly));
    assert.equal(code, 1);
    assert.match(stderr, /^Standard output cannot be written: EBADF: .*\n$/);
  });
}

test("standard output that cannot be written does no harm to a command that prints nothing there", async () => {
  assert.deepEqual(await endOf(start("", [], readOnly)), { code: 0, stderr: "" });
});

test("an error comes after all that was printed before it", async () => {
  const child = start(`${PRINT} throw new Error("No space left on device");`);
  const [stdout, { code, stderr }] = await Promise.all([child.stdout ? text(child.stdout) : "", endOf(child)]);
  assert.deepEqual([code, stdout.length], [1, LENGTH]);
  assert.match(stderr, /the disk is full/);
});

for (const [when, statements] of [
  ["", ""],
  [", though it comes while the command is at work", "for (const end = Date.now() + 500; Date.now() < end; );"],
] as const)
  test(`a signal ends a command whose output nobody takes${when}`, async (t) => {
    const child = start(`${PRINT} process.stderr.write("printed"); ${statements}`);
    t.after(() => {
      child.kill("SIGKILL");
      child.stdout?.destroy();
    });
    assert.ok(child.stderr);
    await once(child.stderr, "data");
    child.kill("SIGTERM");
    const [code] = await once(child, "exit", { signal: AbortSignal.timeout(20_000) });
    assert.equal(code, 143);
  });
