import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { runProgram } from "../stack/run-program.ts";
import { waitFor } from "./support/wait-for.ts";

test("npm test that SIGTERM ends leaves neither engines nor files", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "rasterlift-run-"));
  const engineRuns = async () => (await runProgram("ps", ["-A", "-o", "args="])).output.includes(`-dir=${folder}`);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // with it, run() would run nothing
  const run = spawn(process.execPath, [path.join(import.meta.dirname, "run.ts"), "storage/storage"], {
    env: { ...env, TMPDIR: folder },
    stdio: "ignore",
  });
  t.after(() => run.kill("SIGKILL"));
  await waitFor("SeaweedFS", engineRuns);
  run.kill("SIGTERM");
  assert.deepEqual(await once(run, "exit"), [1, null]);
  await waitFor("the end of SeaweedFS", async () => !(await engineRuns()), 5_000);
  assert.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
});
