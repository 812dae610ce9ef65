import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { runProgram } from "../../stack/run-program.ts";

const module = JSON.stringify(path.join(import.meta.dirname, "exit-after.ts"));

/** Runs `statements` in a process that may take `milliseconds`. */
const run = (milliseconds: number, statements: string) =>
  runProgram(process.execPath, [
    "--input-type=module",
    "-e",
    `import { exitAfter } from ${module}; exitAfter(${milliseconds}); ${statements}`,
  ]);

test("a process that hangs on what it has started is ended with it", async () => {
  // Its output ends only with the last of the two.
  const { code, output } = await run(
    500,
    `(await import("node:child_process")).spawn("sleep", ["60"], { stdio: "inherit" });`,
  );
  assert.deepEqual([code, output], [1, "It hangs: it has not ended after 0.5 s.\n"]);
});

test("a process that has nothing left to do does not wait for it", async () => {
  assert.deepEqual((await run(60_000, "")).code, 0);
});
