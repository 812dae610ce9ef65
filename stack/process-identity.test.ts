import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { identify, isRunning } from "./process-identity.mjs";

test("a process is itself while it lives, and nothing after that", async () => {
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  const identity = identify(child.pid ?? 0);
  assert.ok(identity);
  assert.equal(isRunning(identity), true);
  assert.equal(isRunning({ ...identity, started: "another time" }), false);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(isRunning(identity), false);
});
