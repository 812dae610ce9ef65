import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, test } from "node:test";
import { runProgram } from "./run-program.ts";

const root = path.join(import.meta.dirname, "..");
const bootstrap = path.join("stack", "bootstrap.mjs");

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
  for (const file of ["package.json", "package-lock.json", bootstrap, path.join("stack", "terminal.mjs")]) {
    copyFileSync(path.join(root, file), path.join(folder, file));
  }
  return path.join(folder, bootstrap);
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
  assert.equal(existsSync(path.join(folder, ".cache", "npm-install.pid")), false);
});

test("a missing npm is said so", async () => {
  const { code, output } = await runProgram(process.execPath, [clone(), "x.ts"], { env: { PATH: folder } });
  assert.equal(code, 1);
  assert.match(output, /npm was not found on the PATH/);
});

test("--help of every command starts nothing", async () => {
  for (const command of ["start", "demo", "token", "pattern"]) {
    const { code, output } = await runProgram(process.execPath, [path.join(root, "stack", `${command}.ts`), "--help"]);
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`^Usage: npm (run )?${command}`));
  }
});
