import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";

let folder = "";
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "rasterlift-demo-"));
});
after(() => rm(folder, { recursive: true }));

const cases: [string, string[], RegExp][] = [
  ["an unknown pattern", ["--pattern", "plaid"], /no pattern plaid; there are solid, gradient/],
  ["wrong values, all at once", ["--width", "0", "--part-size", "5"], /width is 0.*\npartSize is 5;/],
  ["a part size that is no number", ["--part-size", "16MiB"], /--part-size is 16MiB; it must be a whole number/],
  ["a format without such a size", ["--width", "40000", "--height", "40000"], /ends at 4294967295\. Choose PPM or/],
  ["no folder for the file", ["--out", "nowhere/x.bmp"], /no folder .*nowhere/],
  ["a folder that takes no file", ["--out", "/proc/x.bmp"], /\/proc\/x\.bmp cannot be written: |no folder \/proc/],
  ["no plain file", ["--out", "/dev/null", "--format", "PPM"], /null is not a plain file/],
];

for (const [what, args, message] of cases) {
  test(`says what is wrong with ${what}, and starts nothing`, async () => {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, "demo.ts"), ...args], {
      cwd: folder,
      env: { ...process.env, RASTERLIFT_DATA: path.join(folder, "data") },
    });
    const [[code], stdout, stderr] = await Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /^ +at /m);
    assert.deepEqual(await readdir(folder), []);
  });
}
