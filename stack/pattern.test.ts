import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  watch,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { patterns } from "../images/patterns/index.ts";
import type { RenderSpec } from "../images/spec.ts";
import { referenceBytes } from "../reference/layout.ts";

const script = path.join(import.meta.dirname, "pattern.ts");
const folder = await mkdtemp(path.join(tmpdir(), "rasterlift-pattern-"));
after(() => rm(folder, { recursive: true }));

/** Runs the command in the test's folder; `sh` goes before it in a shell. */
function start(args: string[], sh = "") {
  const child = spawn("sh", ["-c", `${sh} exec "$@"`, "sh", process.execPath, script, ...args], {
    cwd: folder,
    env: { ...process.env, GPU_BACKEND: "webasm" },
  });
  const ended = Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
  return { child, ended: ended.then(([[code], stdout, stderr]) => ({ code, stdout, stderr })) };
}

const run = (args: string[], sh?: string) => start(args, sh).ended;
const size = (width: number, height: number) => ["--width", `${width}`, "--height", `${height}`];

test("writes the image, of several parts, that a render would; the name's end gives the format", async () => {
  const spec: RenderSpec = {
    width: 3001,
    height: 2000,
    pattern: { gradient: { from: "#102030", to: "#FFEEDD", direction: "DOWN" } },
    format: "BMP24",
    rowOrder: "TOP_DOWN",
    pixelsPerMetre: 7,
  };
  const params = ["--params", '{"from":"#102030","to":"#ffeedd","direction":"DOWN"}'];
  const options = ["--row-order", "top_down", "--pixels-per-metre", "7"];
  const { code, stderr } = await run(["gradient", ...size(3001, 2000), ...params, ...options, "--out", "down.bmp"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /down\.bmp: 3001 × 2000 BMP24, 18008054 bytes, CRC-32 [0-9a-f]{8}/);
  const file = await readFile(path.join(folder, "down.bmp"));
  assert.ok(file.equals(referenceBytes(spec, 0, 18_008_054)));
});

test("npm run writes into the folder where it was called, not into the project's", async () => {
  const command = ["--prefix", path.join(import.meta.dirname, ".."), "run", "--silent", "pattern", "--", "allRgb"];
  for (const out of ["called.ppm", path.join(folder, "absolute.ppm")]) {
    const args = [...command, ...size(5, 4), "--out", out];
    const npm = spawn("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    const [[code], stderr] = await Promise.all([once(npm, "close"), text(npm.stderr)]);
    assert.equal(code, 0, stderr);
    assert.equal((await stat(path.resolve(folder, out))).size, "P6\n5 4\n255\n".length + 5 * 4 * 3);
  }
});

test("without options, a BMP is what the API's defaults make it", async () => {
  const { code, stderr } = await run(["allRgb", ...size(5, 4), "--out", "default.bmp"]);
  assert.equal(code, 0, stderr);
  const layout = { format: "BMP24", rowOrder: "BOTTOM_UP", pixelsPerMetre: 2835 } as const;
  const spec: RenderSpec = { width: 5, height: 4, pattern: { allRgb: { offset: 0 } }, ...layout };
  const file = await readFile(path.join(folder, "default.bmp"));
  assert.ok(file.equals(referenceBytes(spec, 0, 54 + 16 * 4)));
});

test("knows a TIFF by either of its extensions", async () => {
  for (const file of ["short.tif", "long.TIFF"]) {
    const { code, stderr } = await run(["allRgb", ...size(3, 3), "--out", file]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /BIGTIFF/);
  }
});

test("replaces a file by the new one", async () => {
  await writeFile(path.join(folder, "bars.ppm"), "an older file");
  const { code, stderr } = await run(["colorBars", ...size(1, 1), "--out", "bars.ppm"]);
  assert.equal(code, 0, stderr);
  assert.equal(await readFile(path.join(folder, "bars.ppm"), "latin1"), "P6\n1 1\n255\n\xff\xff\xff");
});

test("replaces what a symbolic link leads to, and keeps the link and the permissions", async () => {
  await mkdir(path.join(folder, "pictures"));
  const real = path.join(folder, "pictures", "bars.ppm");
  await writeFile(real, "an older file");
  await symlink("pictures/bars.ppm", path.join(folder, "link.ppm"));
  for (const mode of [0o600, 0o666]) {
    await chmod(real, mode);
    const { code, stderr } = await run(["colorBars", ...size(1, 1), "--out", "link.ppm"], "umask 022;");
    assert.equal(code, 0, stderr);
    assert.equal(await readlink(path.join(folder, "link.ppm")), "pictures/bars.ppm");
    assert.equal(await readFile(real, "latin1"), "P6\n1 1\n255\n\xff\xff\xff");
    assert.equal((await stat(real)).mode & 0o777, mode);
  }
  assert.deepEqual(await readdir(path.join(folder, "pictures")), ["bars.ppm"]);
});

const isRoot = process.getuid?.() === 0;

test("keeps the owner of a file that root replaces", { skip: !isRoot && "only root may give files away" }, async () => {
  const file = path.join(folder, "theirs.ppm");
  await writeFile(file, "an older file");
  await chown(file, 12_345, 23_456);
  const { code, stderr } = await run(["colorBars", ...size(1, 1), "--out", file]);
  assert.equal(code, 0, stderr);
  const { uid, gid, size: bytes } = await stat(file);
  assert.deepEqual([uid, gid, bytes], [12_345, 23_456, 14]);
});

test("replaces no write-protected file", { skip: isRoot && "root may write everything" }, async () => {
  const file = path.join(folder, "protected.ppm");
  await writeFile(file, "an older file", { mode: 0o444 });
  const { code, stderr } = await run(["colorBars", ...size(1, 1), "--out", file]);
  assert.equal(code, 1);
  assert.match(stderr, /protected\.ppm cannot be written: /);
  assert.equal(await readFile(file, "utf8"), "an older file");
});

test("makes what a symbolic link leads to where it is missing, and keeps the links", async () => {
  await mkdir(path.join(folder, "elsewhere", "inner"), { recursive: true });
  await symlink("elsewhere/inner", path.join(folder, "way"));
  await symlink("../made.ppm", path.join(folder, "elsewhere", "inner", "second.ppm"));
  await symlink("way/second.ppm", path.join(folder, "first.ppm"));
  const { code, stderr } = await run(["colorBars", ...size(1, 1), "--out", "first.ppm"]);
  assert.equal(code, 0, stderr);
  assert.equal(await readlink(path.join(folder, "first.ppm")), "way/second.ppm");
  assert.equal(await readlink(path.join(folder, "way", "second.ppm")), "../made.ppm");
  const made = path.join(folder, "elsewhere", "made.ppm");
  assert.equal(await readFile(made, "latin1"), "P6\n1 1\n255\n\xff\xff\xff");
});

const wrong: [title: string, args: string[], message: RegExp][] = [
  ["no pattern", [...size(3, 3), "--out", "x.ppm"], /Name one pattern/],
  ["options that npm took for itself", ["noise", "3", "3", "x.ppm"], /put its options after --/],
  ["standard output", ["noise", ...size(3, 3), "--out", "-"], /cannot go to standard output; name a file/],
  ["a name that is too long", ["noise", ...size(3, 3), "--out", `${"n".repeat(300)}.ppm`], /its name is too long/],
  ["an empty width", ["noise", "--width", "", "--out", "x.ppm"], /--width is empty; it must be a whole number/],
  ["an unknown pattern", ["plaid", ...size(3, 3), "--out", "x.ppm"], /no pattern plaid; there are solid, gradient/],
  ["wrong values, all at once", ["grid", ...size(0, 3), "--out", "x.ppm"], /width is 0.*\nspacingX is.*\nspacingY is/],
  ["no size", ["noise", "--width", "3", "--out", "x.ppm"], /--height is missing/],
  ["no whole number", ["noise", ...size(3, 0.5), "--out", "x.ppm"], /--height is 0\.5; it must be a whole number/],
  ["no file", ["noise", ...size(3, 3)], /--out is missing/],
  ["no known format", ["noise", ...size(3, 3), "--out", "x.png"], /x\.png.*--format.*\.bmp, \.ppm, \.tif/],
  ["a wrong format", ["noise", ...size(3, 3), "--out", "x", "--format", "PNG"], /PNG.*BMP24, BMP32, PPM, BIGTIFF/],
  ["no JSON", ["noise", ...size(3, 3), "--out", "x.ppm", "--params", "seed=1"], /seed=1; it must be a JSON object/],
  ["no folder", ["noise", ...size(3, 3), "--out", "nowhere/x.ppm"], /no folder .*nowhere/],
  ["a link into no folder", ["noise", ...size(3, 3), "--out", "astray.ppm"], /no folder .*nowhere/],
  ["a circle of links", ["noise", ...size(3, 3), "--out", "circle.ppm"], /links at circle\.ppm lead in a circle/],
  ["no plain file", ["noise", ...size(3, 3), "--out", "/dev/null", "--format", "PPM"], /null is not a plain file/],
  ["an unknown option", ["noise", "--wdth", "3"], /Unknown option '--wdth'/],
];

await symlink("nowhere/x.ppm", path.join(folder, "astray.ppm"));
await symlink("circle.ppm", path.join(folder, "circle.ppm"));

for (const [title, args, message] of wrong) {
  test(`says what is wrong with ${title}, and writes nothing`, async () => {
    const before = await readdir(folder);
    const { code, stdout, stderr } = await run(args);
    assert.deepEqual([code, stdout, await readdir(folder)], [1, "", before]);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /^ +at /m);
  });
}

test("leaves the older file, and nothing else, where writing fails on the way", async () => {
  await writeFile(path.join(folder, "large.ppm"), "an older file");
  const before = await readdir(folder);
  const limit = 'trap "" XFSZ; ulimit -f 50000;';
  const { code, stderr } = await run(["allRgb", ...size(5000, 5000), "--out", "large.ppm"], limit);
  assert.equal(code, 1);
  assert.match(stderr, /^large\.ppm cannot be written: EFBIG: file too large, write\.$/m);
  assert.deepEqual(await readdir(folder), before);
  assert.equal(await readFile(path.join(folder, "large.ppm"), "utf8"), "an older file");
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`${signal} removes what is there so far`, async () => {
    const before = await readdir(folder);
    const written = watch(folder);
    const { child, ended } = start(["noise", ...size(100_000, 100_000), "--out", "stopped.tif"]);
    for await (const { filename } of written) if (filename?.endsWith(".partial")) break;
    child.kill(signal);
    assert.equal((await ended).code, code);
    assert.deepEqual(await readdir(folder), before);
  });
}

test("--help names every pattern and parameter", async () => {
  const { code, stdout } = await run(["--help"]);
  assert.equal(code, 0);
  for (const { name, parameters } of patterns) {
    assert.ok(stdout.includes(`\n${name}: `), name);
    for (const parameter of Object.keys(parameters)) assert.match(stdout, new RegExp(`^  ${parameter} `, "m"));
  }
});
