import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

for (const [name, command] of Object.entries<string>(scripts)) {
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
