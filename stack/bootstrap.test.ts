import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, test } from "node:test";
import { waitFor } from "../test/support/wait-for.ts";
import { isAlive } from "./process-identity.mjs";
import { runProgram } from "./run-program.ts";

const root = path.join(import.meta.dirname, "..");
const bootstrap = path.join("stack", "bootstrap.mjs");
const needed = ["terminal.mjs", "process-identity.mjs"].map((name) => path.join("stack", name));
const lock = path.join(".cache", "npm-install.lock");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "rasterlift-bootstrap-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function script(text: string): string {
  const file = path.join(folder, "script.ts");
  writeFileSync(file, text);
  return file;
}

/** A fresh clone, as far as the bootstrap goes. */
function clone(): string {
  mkdirSync(path.join(folder, "stack"));
  for (const file of ["package.json", "package-lock.json", bootstrap, ...needed]) {
    copyFileSync(path.join(root, file), path.join(folder, file));
  }
  return path.join(folder, bootstrap);
}

/** An npm that is found before the real one. @returns the PATH */
function fakeNpm(commands: string): string {
  writeFileSync(path.join(folder, "npm"), `#!/bin/sh\n${commands}\n`, { mode: 0o755 });
  return `${folder}${path.delimiter}${process.env["PATH"]}`;
}

test("arguments go in, the exit code comes out", async () => {
  const file = script("console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7;");
  const { code, output } = await runProgram(process.execPath, [path.join(root, bootstrap), file, "--a", "b c"]);
  assert.equal(output, '["--a","b c"]\n');
  assert.equal(code, 7);
});

test("a script ends in order with whoever started it, even by SIGKILL", async () => {
  const file = script(`process.once("SIGTERM", () => { console.log("stopping"); process.exit(); });
    setInterval(() => {}, 1000); console.log("started");`);
  const child = spawn(process.execPath, [path.join(root, bootstrap), file], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  assert.ok(child.stdout);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, "started");
  child.disconnect();
  assert.equal((await lines.next()).value, "stopping");
  assert.equal((await lines.next()).done, true);
});

test("a refused download of npm packages is one clear message, and leaves no lock", async () => {
  const env = {
    ...process.env,
    npm_config_registry: "http://127.0.0.1:9/",
    npm_config_cache: path.join(folder, "npm"),
  };
  const { code, output } = await runProgram(process.execPath, [clone(), "x.ts"], { env });
  assert.equal(code, 1);
  assert.match(
    output,
    /The npm packages could not be installed: the download was refused.* Then run the command again\./,
  );
  assert.equal(existsSync(path.join(folder, lock)), false);
});

test("a folder whose name stops tools is said so, before anything is installed", async () => {
  clone();
  const moved = path.join(folder, "a $ sign");
  mkdirSync(moved);
  for (const name of ["stack", "package.json"]) renameSync(path.join(folder, name), path.join(moved, name));
  const { code, output } = await runProgram(process.execPath, [path.join(moved, bootstrap), "x.ts"]);
  assert.equal(code, 1);
  assert.match(output, /^The project lies in .*a \$ sign, and the \$ in that path stops .* another folder\.\n$/);
});

test("a missing npm is said so", async () => {
  const { code, output } = await runProgram(process.execPath, [clone(), "x.ts"], { env: { PATH: folder } });
  assert.equal(code, 1);
  assert.match(output, /npm was not found on the PATH/);
});

test("the lock of a process whose pid another one has now counts for nothing", async () => {
  const file = clone();
  mkdirSync(path.join(folder, ".cache"));
  writeFileSync(path.join(folder, lock), JSON.stringify({ pid: process.pid, started: "long ago" }));
  const { output } = await runProgram(process.execPath, [file, "x.ts"], { env: { PATH: fakeNpm("echo works") } });
  assert.match(output, /npm's last lines:\n {2}works/);
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`npm ends with whoever asked it to install, also by ${signal}`, async (t) => {
    const pidFile = path.join(folder, "pid");
    const PATH = fakeNpm(`echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; exec sleep 60`);
    const child = spawn(process.execPath, [clone(), "x.ts"], { env: { PATH }, stdio: "ignore" });
    t.after(() => child.kill("SIGKILL"));
    await waitFor("npm", () => existsSync(pidFile));
    const npm = Number(readFileSync(pidFile, "utf8"));
    assert.equal(isAlive(npm), true);
    child.kill(signal);
    await waitFor("the end of npm", () => !isAlive(npm));
  });
}

test("packages are installed again where one of them is gone", async () => {
  const file = clone();
  const inFolder = (...names: string[]) => path.join(folder, ...names);
  const put = (name: string, text: string) => {
    mkdirSync(path.dirname(inFolder(name)), { recursive: true });
    writeFileSync(inFolder(name), text);
  };
  const packages = JSON.stringify({ packages: { "node_modules/one": { version: "1.0.0" } } });
  for (const name of ["package-lock.json", "node_modules/.package-lock.json"]) put(name, packages);
  put("node_modules/one/package.json", "{}");
  put("node_modules/node/bin/node", "");
  put("x.ts", "console.log('runs')");
  const env = { PATH: fakeNpm("echo installs") };
  assert.equal((await runProgram(process.execPath, [file, "x.ts"], { env })).output, "runs\n");
  rmSync(inFolder("node_modules/one"), { recursive: true });
  assert.match((await runProgram(process.execPath, [file, "x.ts"], { env })).output, /installs/);
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`a script stops in order with the npm that runs it, also by ${signal}`, { timeout: 10_000 }, async (t) => {
    clone();
    symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
    writeFileSync(
      path.join(folder, "stack", "start.ts"),
      'process.once("SIGTERM", () => { console.log("stopping"); process.exit(); });' +
        "setInterval(() => {}, 1000); console.log(process.pid);",
    );
    const npm = spawn("npm", ["start", "--silent"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: npm.stdout })[Symbol.asyncIterator]();
    const pid = Number((await lines.next()).value);
    t.after(() => isAlive(pid) && process.kill(pid, "SIGKILL"));
    npm.kill(signal);
    assert.equal((await lines.next()).value, "stopping");
    assert.equal((await lines.next()).done, true);
  });
}

const { scripts }: { scripts: Record<string, string> } = JSON.parse(
  readFileSync(path.join(root, "package.json"), "utf8"),
);

for (const [name, command] of Object.entries(scripts)) {
  const file = /^exec node stack\/bootstrap\.mjs (\S+)$/.exec(command)?.[1];
  if (file === undefined) continue;
  test(`${name} --help fits a terminal of 80 columns, and starts nothing`, async () => {
    const { code, output } = await runProgram(process.execPath, [path.join(root, file), "--help"]);
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`^Usage: npm (run )?${name}\\b`));
    assert.deepEqual(
      output.split("\n").filter((line) => line.length > 80),
      [],
    );
  });
}
