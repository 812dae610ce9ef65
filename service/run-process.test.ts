import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";

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

for (const [first, second] of [
  ["SIGTERM", "SIGTERM"],
  ["SIGINT", "SIGTERM"],
] as const) {
  test(`${first}, then ${second}: it puts its work down all the same`, { timeout: 20_000 }, async (t) => {
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
      if (msg === "stopping") {
        service.kill(second);
        service.stdin.end();
      }
    }
    assert.deepEqual(messages, ["is working", "stopping", "has put its work down"]);
    assert.deepEqual(await exit, [0, null]);
  });
}
