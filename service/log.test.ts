import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

/** A process that logs `count` lines of a kilobyte, one of them fatal, and then says on standard error that it goes on. */
function startLogging(count: number, redirection: string) {
  const script = `
    const { createLog } = await import(${JSON.stringify(import.meta.resolve("./log.ts"))});
    const log = createLog("test");
    log.fatal("first");
    for (let line = 1; line < ${count}; line++) log.info("x".repeat(1000));
    setTimeout(() => console.error("goes on"), 10);`;
  const command = `"$0" --input-type=module --eval "$1" ${redirection}`;
  return spawn("sh", ["-c", command, process.execPath, script], { stdio: ["ignore", "pipe", "pipe"] });
}

test("a line that cannot be written is lost, and the process goes on", { skip: !existsSync("/dev/full") }, async () => {
  const child = startLogging(3, "> /dev/full");
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  assert.deepEqual([said, code], ["goes on\n", 0]);
});

test("neither URLs nor what opens doors gets into the log", async () => {
  const secrets = {
    url: "s3://?X-Amz-Signature=5ec8e7",
    authorization: "5ec8e7",
    password: "5ec8e7",
    secretAccessKey: "5ec8e7",
  };
  const script = `
    const { createLog } = await import(${JSON.stringify(import.meta.resolve("./log.ts"))});
    createLog("test").info({ task: ${JSON.stringify(secrets)} }, "said");`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script]);
  const { msg, task } = JSON.parse(await text(child.stdout));
  assert.equal(msg, "said");
  assert.deepEqual(new Set(Object.values(task)), new Set(["[redacted]"]));
});

test("no line is lost where whoever reads them is slow", async () => {
  const child = startLogging(2_000, "");
  await pause(500);
  const lines = (await text(child.stdout)).trimEnd().split("\n");
  assert.equal(lines.length, 2_000);
  for (const line of lines) assert.equal(JSON.parse(line).name, "test");
});
