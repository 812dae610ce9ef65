import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

/** Puts its work down when its standard input ends. */
const SERVICE = `
import { once } from "node:events";
import { runProcess, stopped } from ${JSON.stringify(import.meta.resolve("./run-process.ts"))};
await runProcess({
  name: "test",
  usage: "",
  async run(log, stop) {
    process.stdin.resume();
    log.info("is working");
    await stopped(stop);
    await once(process.stdin, "end");
    log.info("has put its work down");
  },
});`;

test("an error that nobody catches ends it, in the log", { timeout: 20_000 }, async () => {
  const service = SERVICE.replace("process.stdin.resume();", 'Promise.reject(new Error("unforeseen"));');
  const child = spawn(process.execPath, ["--input-type=module", "--eval", service], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const [[code], log, errors] = await Promise.all([once(child, "exit"), text(child.stdout), text(child.stderr)]);
  assert.deepEqual([code, errors], [1, ""]);
  const { level, msg, err } = JSON.parse(log.trim().split("\n").at(-1) ?? "");
  assert.deepEqual([level, msg, err.message], [60, "stopped by an error", "unforeseen"]);
});

/** Runs it until it is at work, sends it the first signal and, once it is stopping, does the rest. */
async function stopped(t: TestContext, first: NodeJS.Signals, rest: (service: ChildProcess) => unknown) {
  const service = spawn(process.execPath, ["--input-type=module", "--eval", SERVICE], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => service.kill("SIGKILL"));
  const exit = once(service, "exit");
  const messages: string[] = [];
  for await (const line of createInterface(service.stdout)) {
    const { msg } = JSON.parse(line);
    messages.push(msg);
    if (msg === "is working") service.kill(first);
    if (msg === "stopping") await rest(service);
  }
  return { messages, exit: await exit };
}

for (const [first, second] of [
  ["SIGTERM", "SIGTERM"],
  ["SIGINT", "SIGTERM"],
] as const) {
  test(`${first} and at once ${second}: it puts its work down all the same`, { timeout: 20_000 }, async (t) => {
    const { messages, exit } = await stopped(t, first, (service) => {
      service.kill(second);
      service.stdin?.end();
    });
    assert.deepEqual(messages, ["is working", "stopping", "has put its work down"]);
    assert.deepEqual(exit, [0, null]);
  });
}

test("SIGTERM, and again after more than a second: it ends at once", { timeout: 20_000 }, async (t) => {
  const { messages, exit } = await stopped(t, "SIGTERM", async (service) => {
    await pause(1_100);
    service.kill("SIGTERM");
  });
  assert.deepEqual(messages, ["is working", "stopping"]);
  assert.deepEqual(exit, [143, null]);
});
