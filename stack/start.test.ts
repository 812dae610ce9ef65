import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { startTemporal } from "../test/support/temporal.ts";
import { DataFolder } from "./data-folder.ts";
import { nameOfPins } from "./pip.ts";
import { runProgram } from "./run-program.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "rasterlift-start-"));
});
after(() => rm(folder, { recursive: true }));

/** `npm start`, which is expected to fail. @returns what it says beside its progress */
async function failedStart(settings: NodeJS.ProcessEnv): Promise<string> {
  const env = { ...process.env, RASTERLIFT_DATA: folder, PORT: "0", ...settings };
  const { code, output } = await runProgram(process.execPath, [path.join(import.meta.dirname, "start.ts")], { env });
  assert.equal(code, 1, output);
  return output.replace(/^Starting .*\n/gm, "");
}

test("a Temporal that does not have the namespace is said so, in one line", async () => {
  const temporal = await startTemporal();
  const said = await failedStart({ TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: "nowhere" });
  await temporal.teardown();
  assert.match(said, /^Temporal at \S+ does not answer for the namespace nowhere .* TEMPORAL_NAMESPACE right\?\n$/);
});

test("an address that the API cannot have is said so, in one line", async () => {
  // TEST-NET-1 of RFC 5737: no machine's own
  const said = await failedStart({ HOST: "192.0.2.1", PORT: "4000" });
  assert.match(
    said,
    /^The API cannot listen there \(listen E.*192\.0\.2\.1:4000\)\. Give it another .* HOST and PORT\.\n$/,
  );
});

test("an installed engine that ends without a word is said how, and what to remove where it is damaged", async () => {
  const requirements = path.join(import.meta.dirname, "engines", "requirements.txt");
  const engines = path.join(folder, `engines-${await nameOfPins(requirements)}`);
  await mkdir(path.join(engines, "bin"), { recursive: true });
  for (const engine of ["temporal", "weed"])
    await writeFile(path.join(engines, "bin", engine), "#!/bin/sh\n", { mode: 0o755 });
  const said = await failedStart({ RASTERLIFT_CACHE: folder });
  assert.match(
    said,
    /^(temporal|s3) stopped before it was ready \(exit code 0\)\. Its log, \S+, is empty\.\nWhere \S+ is damaged, remove \S+: .*\n$/,
  );
  assert.ok(said.includes(` remove ${engines}: `));
});

test("a port that browsers refuse is said so at once, in one line", async () => {
  const said = await failedStart({ PORT: "6000" }); // X11
  assert.match(said, /^Browsers and other clients refuse to connect to port 6000\. Give the API .* PORT=0\.\n$/);
});

test("a start that is stopped before it begins starts nothing", async () => {
  const script = `const { startStack } = await import(${JSON.stringify(import.meta.resolve("./stack.ts"))});
    await startStack({ say() {}, signal: AbortSignal.abort() }).then(() => console.log("started"), () => console.log("stopped"));`;
  const { code, output } = await runProgram(process.execPath, ["--input-type=module", "--eval", script], {
    env: { ...process.env, RASTERLIFT_DATA: folder, PORT: "0" },
  });
  assert.equal(code, 0, output);
  assert.match(output, /^stopped$/m);
});

test("Ctrl-C ends a start that waits for another stack to stop, at once", async (t) => {
  const stopping = new DataFolder(folder);
  await stopping.lock(() => {}, new AbortController().signal);
  t.after(() => stopping.unlock());
  stopping.writeRecord({ supervisor: { pid: process.pid, started: "" }, stopping: true, isDemo: false, processes: [] });
  const start = spawn(process.execPath, [path.join(import.meta.dirname, "start.ts")], {
    env: { ...process.env, RASTERLIFT_DATA: folder, PORT: "0" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exit = once(start, "exit");
  let said = "";
  for await (const chunk of start.stderr) {
    said += chunk;
    if (said.endsWith(" to stop\n")) start.kill("SIGINT");
  }
  assert.deepEqual(await exit, [130, null]);
  assert.match(said, /\nWaiting for the stack on \S+ to stop\nStopping\n$/);
});
