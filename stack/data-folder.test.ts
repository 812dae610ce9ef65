import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, test } from "node:test";
import { DataFolder } from "./data-folder.ts";
import { identify } from "./process-identity.mjs";
import { StackError } from "./stack-error.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "rasterlift-data-"));
});
afterEach(() => {
  chmodSync(root, 0o700);
  rmSync(root, { recursive: true });
});

const silent = () => {};
const { signal: never } = new AbortController();

/** Another process, with the same folder in `folder`. */
function startScript(statements: string) {
  const module = JSON.stringify(path.join(import.meta.dirname, "data-folder.ts"));
  const script = `const { DataFolder } = await import(${module});
    const folder = new DataFolder(${JSON.stringify(root)}); ${statements}`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
}

test("a folder has one supervisor, and a killed one's lock is gone with it", async (t) => {
  const holder = startScript(`await folder.lock(() => {}, new AbortController().signal); console.log("locked");
    setInterval(() => folder.isOurs, 1000);`);
  t.after(() => holder.kill("SIGKILL"));
  await once(holder.stdout, "data");

  const folder = new DataFolder(root);
  assert.equal(folder.isLocked(), true);
  await assert.rejects(folder.lock(silent, never), (error) => {
    assert.ok(error instanceof StackError);
    assert.match(error.message, /already runs on the data folder .*RASTERLIFT_DATA=/);
    return true;
  });

  holder.kill("SIGKILL");
  await once(holder, "exit");
  assert.equal(folder.isLocked(), false);
  await folder.lock(silent, never);
  assert.equal(folder.isOurs, true);
  assert.equal(statSync(folder.file("lock.sqlite")).mode & 0o777, 0o600);
  folder.unlock();
});

test("looking whether a folder is locked disturbs nobody", async () => {
  const folder = new DataFolder(root);
  const looking = startScript('for (console.log("looking"); ; ) folder.isLocked();');
  const exit = once(looking, "exit");
  try {
    await once(looking.stdout, "data");
    for (let i = 0; i < 300; i++) assert.equal(folder.isLocked(), false);
    for (let i = 0; i < 100; i++) {
      await folder.lock(silent, never);
      folder.unlock();
    }
  } finally {
    looking.kill("SIGKILL");
    await exit; // before the folder is removed, into which it writes
  }
});

test("what cannot be written whole is not left in half", () => {
  const folder = new DataFolder(root);
  mkdirSync(folder.file("stack.json"));
  assert.throws(() => folder.writePrivate("stack.json", "{}"));
  assert.deepEqual(readdirSync(root).sort(), ["logs", "stack.json"]);
});

test("secrets are random, stay the same, and are for the owner only", () => {
  const folder = new DataFolder(root);
  const secrets = folder.secrets();
  assert.deepEqual(new DataFolder(root).secrets(), secrets);
  assert.ok(secrets.jwtSecret.length >= 32);
  assert.equal(statSync(folder.file("secrets.json")).mode & 0o777, 0o600);
});

test("after a crash of the machine, a file that is not whole counts as missing, but lost secrets are said so", () => {
  const folder = new DataFolder(root);
  for (const name of ["supervisor.json", "stack.json", "secrets.json"]) writeFileSync(folder.file(name), '{"portB');
  assert.equal(folder.readRecord(), undefined);
  assert.equal(folder.readStack(), undefined);
  assert.throws(
    () => folder.secrets(),
    /^StackError: .*secrets\.json is damaged\. Restore it, or delete the data folder/,
  );
});

test("a file that holds something else counts as damaged, too", () => {
  const folder = new DataFolder(root);
  for (const text of ["{}", "[]", '{"jwtSecret":5,"processes":{}}']) {
    for (const name of ["supervisor.json", "stack.json", "secrets.json"]) writeFileSync(folder.file(name), text);
    assert.deepEqual(folder.leftBehind(), []);
    assert.equal(folder.readStack(), undefined);
    assert.throws(() => folder.secrets(), /^StackError: .*secrets\.json is damaged/);
  }
});

test("a lock's file that is damaged is said so, and is no other stack", async () => {
  const folder = new DataFolder(root);
  writeFileSync(folder.file("lock.sqlite"), "no database".repeat(100));
  await assert.rejects(
    folder.lock(silent, never),
    /^StackError: .*lock\.sqlite cannot be used \(file is not a database\)\./,
  );
});

test("processes that make the secrets at the same time make the same", async () => {
  const print = "process.stdout.write(folder.secrets().jwtSecret)";
  const secrets = await Promise.all(Array.from({ length: 4 }, () => text(startScript(print).stdout)));
  assert.deepEqual(new Set(secrets), new Set([new DataFolder(root).secrets().jwtSecret]));
});

test("only recorded processes that still run are left behind", () => {
  const folder = new DataFolder(root);
  const self = identify(process.pid);
  assert.ok(self);
  const processes = [
    { name: "api", ...self },
    { name: "worker", pid: self.pid, started: "before this process had its pid" },
  ];
  folder.writeRecord({ supervisor: self, stopping: false, isDemo: false, portBase: 10_000, processes });
  assert.deepEqual(folder.leftBehind(), [{ name: "api", ...self }]);
});

test("says where the engines would not take its path", () => {
  for (const name of ["C#", "50%20", "a,b", "what?"])
    assert.throws(() => new DataFolder(path.join(root, name)), /cannot be used: its engines do not take the [#%,?] in/);
  assert.deepEqual(readdirSync(root), []);
});

test("a folder that cannot be made is said so", () => {
  assert.throws(() => new DataFolder("/dev/null/data"), /The data folder \/dev\/null\/data cannot be used: /);
});

test("a folder in a place that is there but makes no folders is said so, and not tried forever", async (t) => {
  const statement = "try { new DataFolder('/proc/x'); } catch (e) { console.log(e.message); }";
  const child = startScript(statement);
  t.after(() => child.kill("SIGKILL"));
  assert.match(await text(child.stdout), /^The data folder \/proc\/x cannot be used: .*RASTERLIFT_DATA/);
});

test("a folder that cannot be written into is said so", async () => {
  mkdirSync(path.join(root, "logs"));
  chmodSync(root, 0o555);
  // Root may write everywhere.
  const asNobody = "if (process.getuid() === 0) process.setuid(65_534);";
  const { stdout } = startScript(
    `${asNobody} try { new DataFolder(folder.path); } catch (e) { console.log(e.message); }`,
  );
  assert.match(await text(stdout), /^The data folder .* cannot be used: a file may not be written: check who owns/);
});
