import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { after, describe, type TestContext, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { anyLength, anySpec, anyValues } from "../images/arbitrary-spec.fixture.ts";
import { byteSizeOf, formatOf, formats } from "../images/formats/index.ts";
import { patterns } from "../images/patterns/index.ts";
import type { ByteRange } from "../images/plan.ts";
import type { RenderSpec } from "../images/spec.ts";
import { referencePixelBytes } from "../reference/layout.ts";
import type { BackendChoice } from "./backend.ts";
import { bufferBudget } from "./buffer-pool.ts";
import { RendererError } from "./renderer-error.ts";
import { createRenderers, type Renderers } from "./renderers.ts";

/** The bytes of a range, by the format's header and the independent reference. */
function expectedBytes(spec: RenderSpec, { start, end }: ByteRange): Uint8Array {
  const format = formatOf(spec);
  const headerSize = format.headerSize(spec);
  const header = new Uint8Array(Math.max(0, Math.min(end, headerSize) - start));
  if (header.length > 0) format.writeHeader(spec, start, header);
  if (end <= headerSize) return header;
  return Buffer.concat([header, referencePixelBytes(spec, Math.max(0, start - headerSize), end - headerSize)]);
}

const shared = (length: number) => new Uint8Array(new SharedArrayBuffer(length));

/** Renders into a buffer full of another part's bytes, as the pool lends them. */
async function rendered(renderers: Renderers, spec: RenderSpec, { start, end }: ByteRange): Promise<Buffer> {
  const bytes = shared(end - start + 8).fill(0xa5);
  const answer = await renderers.render(spec, { start, end }, bytes);
  const part = Buffer.from(bytes.buffer, 0, end - start);
  assert.equal(answer.crc32, crc32(part));
  assert.equal(answer.md5, createHash("md5").update(part).digest("base64"));
  assert.ok(bytes.subarray(end - start).every((byte) => byte === 0xa5));
  return part;
}

function assertSame(actual: Uint8Array, expected: Uint8Array, where: () => string) {
  if (Buffer.compare(actual, expected) === 0) return;
  const at = expected.findIndex((byte, index) => byte !== actual[index]);
  assert.fail(`byte ${at} of ${where()} is ${actual[at]} instead of ${expected[at]}`);
}

async function assertRange(renderers: Renderers, spec: RenderSpec, range: ByteRange) {
  const where = () => JSON.stringify({ spec, range });
  assertSame(await rendered(renderers, spec, range), expectedBytes(spec, range), where);
}

async function assertParts(renderers: Renderers, spec: RenderSpec, partSize: number) {
  const size = byteSizeOf(spec);
  for (let start = 0; start < size; start += partSize) {
    await assertRange(renderers, spec, { start, end: Math.min(size, start + partSize) });
  }
}

async function open(backend: BackendChoice): Promise<{ renderers: Renderers } | { skip: string }> {
  try {
    return { renderers: await createRenderers({ backend, threads: 1, md5: true }) };
  } catch (error) {
    if (backend === "webgpu" && error instanceof RendererError) return { skip: error.message };
    throw error;
  }
}

const smallLength = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 70 }));

let noWebGpu: string | false = false;

for (const backend of ["webasm", "cpu", "webgpu"] as const) {
  const opened = await open(backend);
  if ("skip" in opened) {
    noWebGpu = opened.skip;
    test(backend, { skip: opened.skip }, () => {});
    continue;
  }
  const { renderers } = opened;
  after(() => renderers.close());

  describe(renderers.backend, () => {
    for (const pattern of patterns) {
      for (const format of formats) {
        test(`${pattern.name} as ${format.name}: the parts put together are the whole`, async () => {
          const spec = anySpec({ width: smallLength, height: smallLength });
          const partSize = fc.integer({ min: 1, max: 3000 });
          await fc.assert(
            fc.asyncProperty(spec, anyValues(pattern), partSize, async (any, values, size) => {
              const one: RenderSpec = { ...any, pattern: { [pattern.name]: values }, format: format.name };
              await assertParts(renderers, one, Math.max(size, Math.ceil(byteSizeOf(one) / 12)));
            }),
            { numRuns: 12 },
          );
        });
      }

      test(`${pattern.name}: windows anywhere in the largest images`, async () => {
        const spec = anySpec({ width: anyLength, height: anyLength });
        const anywhere = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
        await fc.assert(
          fc.asyncProperty(spec, anyValues(pattern), anywhere, async (any, values, where) => {
            const one = { ...any, pattern: { [pattern.name]: values } };
            const size = byteSizeOf(one);
            const start = Math.floor(where * Math.max(0, size - 5000));
            await assertRange(renderers, one, { start, end: Math.min(size, start + 5000) });
          }),
          { numRuns: 10 },
        );
      });

      test(`${pattern.name}: a window of several bands, whose rows repeat or not`, async () => {
        const spec = anySpec({ width: fc.integer({ min: 20_000, max: 80_000 }), height: fc.constant(200) });
        const length = backend === "webgpu" ? 10_000_000 : 1_000_000; // a band of some 4 MB, or of 200 kB
        await fc.assert(
          fc.asyncProperty(
            spec,
            anyValues(pattern),
            fc.double({ min: 0, max: 1, noNaN: true }),
            async (any, values, where) => {
              const one = { ...any, pattern: { [pattern.name]: values } };
              const start = Math.floor(where * (byteSizeOf(one) - length));
              await assertRange(renderers, one, { start, end: start + length });
            },
          ),
          { numRuns: 5 },
        );
      });

      test(`${pattern.name}: the four corners of the largest image`, async () => {
        const [values] = fc.sample(anyValues(pattern), { numRuns: 1, seed: 1 });
        const side = 2 ** 20;
        const spec = { width: side, height: side, pattern: { [pattern.name]: values ?? {} }, pixelsPerMetre: 0 };
        const stride = 3 * side;
        const format = "BIGTIFF" as RenderSpec["format"];
        const headerSize = formatOf({ format }).headerSize({ ...spec, format, rowOrder: "TOP_DOWN" });
        for (const row of [0, side - 1]) {
          for (const column of [0, side - 400]) {
            const start = headerSize + row * stride + column * 3;
            await assertRange(renderers, { ...spec, format, rowOrder: "TOP_DOWN" }, { start, end: start + 1200 });
          }
        }
      });
    }

    for (const format of formats) {
      for (const [width, height] of [
        [1, 70_001],
        [1003, 200],
        [70_001, 3],
        [300_001, 2],
      ] as const) {
        test(`${width} × ${height} as ${format.name}: several bands and tiles a part`, async () => {
          const spec: RenderSpec = {
            width,
            height,
            pattern: { allRgb: { offset: 16_700_000 } },
            format: format.name,
            rowOrder: "BOTTOM_UP",
            pixelsPerMetre: 1,
          };
          await assertParts(renderers, spec, 400_003);
        });
      }
    }

    test("a part that starts with the padding of a row in tiles", async () => {
      const spec: RenderSpec = {
        width: 70_001,
        height: 3,
        pattern: { allRgb: { offset: 1 } },
        format: "BMP24",
        rowOrder: "TOP_DOWN",
        pixelsPerMetre: 0,
      };
      const start = 54 + 3 * 70_001;
      await assertRange(renderers, spec, { start, end: start + 16 });
    });

    test("boundaries anywhere: every part size of a small file with padding", async () => {
      const spec: RenderSpec = {
        width: 3,
        height: 2,
        pattern: { allRgb: { offset: 0x123456 } },
        format: "BMP24",
        rowOrder: "BOTTOM_UP",
        pixelsPerMetre: 1,
      };
      for (let partSize = 1; partSize <= byteSizeOf(spec); partSize++) await assertParts(renderers, spec, partSize);
    });
  });
}

const renderers = await createRenderers({ backend: "webasm", threads: 2, md5: false });
after(() => renderers.close());

describe("renderer threads", () => {
  const spec: RenderSpec = {
    width: 4000,
    height: 4000,
    pattern: { noise: { seed: 1, monochrome: false } },
    format: "BMP32",
    rowOrder: "TOP_DOWN",
    pixelsPerMetre: 1,
  };
  const range = { start: 1000, end: 60_000_000 };
  const small = { start: 0, end: 1000 };

  test("are all started at once: no part waits until its thread is", async (t) => {
    const threads = await watchThreads(t);
    const three = await createRenderers({ backend: "cpu", threads: 3, md5: false });
    await three.close();
    assert.equal(threads.length, 3);
  });

  test("share the work: each answer belongs to its own order", async () => {
    const ranges = Array.from({ length: 12 }, (_, i) => ({ start: i * 5000, end: i * 5000 + 4000 + i }));
    const answers = await Promise.all(ranges.map((one) => renderers.render(spec, one, shared(5000))));
    const expected = ranges.map((one) => crc32(expectedBytes(spec, one)));
    assert.deepEqual(
      answers.map((answer) => answer.crc32),
      expected,
    );
  });

  test("stop between bands when the render is cancelled, and write nothing more", async () => {
    const bytes = shared(range.end - range.start);
    const abort = new AbortController();
    const reason = new Error("cancelled");
    const rendering = renderers.render(spec, range, bytes, { signal: abort.signal });
    const begun = setInterval(() => {
      if (bytes[0] !== 0) abort.abort(reason);
    }, 1);
    await assert.rejects(rendering, (error: unknown) => error === reason);
    clearInterval(begun);
    assert.equal(bytes.at(-2), 0);
    bytes.fill(0);
    await renderers.render(spec, small, shared(1000));
    assert.ok(bytes.every((byte) => byte === 0));
  });

  test("a render that waits for a thread can be cancelled too", async () => {
    const abort = new AbortController();
    const busy = [1, 2].map(() => renderers.render(spec, small, shared(1000)));
    const started: boolean[] = [];
    const waiting = renderers.render(spec, small, shared(1000), {
      signal: abort.signal,
      onStart: () => started.push(true),
    });
    abort.abort(new Error("cancelled"));
    await assert.rejects(waiting, /cancelled/);
    assert.deepEqual(started, []);
    await Promise.all(busy);
  });

  /** The threads that are started during a test, in order; Node.js tells of each a turn after its start. */
  async function watchThreads(t: TestContext): Promise<Worker[]> {
    await nextTurn();
    const threads: Worker[] = [];
    const onWorker = (worker: Worker) => threads.push(worker);
    process.on("worker", onWorker);
    t.after(() => process.off("worker", onWorker));
    return threads;
  }

  test("a failed thread is replaced", async (t) => {
    const threads = await watchThreads(t);
    const own = await createRenderers({ backend: "cpu", threads: 1, md5: false });
    const unknown = { ...spec, pattern: { plaid: {} } };
    for (let i = 0; i < 3; i++) await assert.rejects(own.render(unknown, small, shared(1000)), RendererError);
    const { crc32: actual } = await own.render(spec, small, shared(1000));
    assert.equal(actual, crc32(expectedBytes(spec, small)));
    assert.deepEqual(
      threads.map(({ threadId }) => threadId > 0), // −1 once it has ended
      [false, false, false, true],
    );
    await own.close();
  });

  test("a thread that ended while it was idle is replaced, and no render fails by it", async (t) => {
    const threads = await watchThreads(t);
    const own = await createRenderers({ backend: "cpu", threads: 1, md5: false });
    await threads[0]?.terminate();
    const { crc32: actual } = await own.render(spec, small, shared(1000));
    assert.equal(actual, crc32(expectedBytes(spec, small)));
    assert.equal(threads.length, 2);
    await own.close();
  });

  test("a thread that ended before it was ready is replaced, and no render fails by it", async (t) => {
    const threads = await watchThreads(t);
    const own = await createRenderers({ backend: "cpu", threads: 2, md5: false });
    t.after(() => own.close());
    await nextTurn();
    await threads[1]?.terminate();
    const both = await Promise.all([1, 2].map(() => own.render(spec, small, shared(1000))));
    const expected = crc32(expectedBytes(spec, small));
    assert.deepEqual(
      both.map((answer) => answer.crc32),
      [expected, expected],
    );
    assert.equal(threads.length, 3);
  });

  test("a render that is cancelled says so, also where its thread dies", async (t) => {
    const threads = await watchThreads(t);
    const own = await createRenderers({ backend: "cpu", threads: 1, md5: false });
    const abort = new AbortController();
    const reason = new Error("cancelled");
    const bytes = shared(range.end - range.start);
    const rendering = own.render(spec, range, bytes, { signal: abort.signal });
    const begun = setInterval(() => {
      if (bytes[0] === 0 || abort.signal.aborted) return;
      void threads[0]?.terminate();
      abort.abort(reason);
    }, 1);
    await assert.rejects(rendering, (error: unknown) => error === reason);
    clearInterval(begun);
    await own.close();
  });

  test("a thread that renders nothing for too long is replaced", async (t) => {
    const threads = await watchThreads(t);
    const impatient = await createRenderers({ backend: "cpu", threads: 1, md5: false, stallSeconds: 0.001 });
    const buffer = shared(range.end - range.start);
    for (let i = 0; i < 2; i++) {
      await assert.rejects(impatient.render(spec, range, buffer), {
        name: "RendererError",
        message: "The renderer thread failed: it has done nothing for 0.001 s",
      });
    }
    assert.equal(threads.length, 2);
    await impatient.close();
  });

  test("a thread that gets on is left alone, however long it takes", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const own = await createRenderers({ backend: "cpu", threads: 1, md5: false, stallSeconds: 1 });
    const buffer = shared(range.end - range.start);
    const written = (at: number) => buffer.subarray(at, at + 1000).some((byte) => byte !== 0);
    let isRendering = true;
    const rendering = own.render(spec, range, buffer).finally(() => {
      isRendering = false;
    });
    let looks = 0;
    const several = 1_000_000; // bytes of some bands
    for (let at = several; isRendering; looks++) {
      while (written(at - several)) at += several;
      while (isRendering && !written(at)) await nextTurn();
      t.mock.timers.tick(1000);
      await nextTurn();
    }
    await rendering;
    assert.ok(looks > 2, "the render is long enough to tell");
    await own.close();
  });

  test("a thread that hangs in its driver ends the process, which nothing else would", {
    skip: noWebGpu,
  }, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), "rasterlift-driver-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const driver = path.join(folder, "driver.json");
    execFileSync("mkfifo", [driver]); // whoever opens it waits for a writer, for ever
    const settings = JSON.stringify({ backend: "webgpu", threads: 1, md5: false, startSeconds: 2 });
    const { href } = new URL("./renderers.ts", import.meta.url);
    const script = `import("${href}").then(({ createRenderers }) => createRenderers(${settings}))`;
    const child = spawn(process.execPath, ["--eval", script], {
      env: { ...process.env, VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver },
      stdio: ["ignore", "ignore", "pipe"],
    });
    t.after(() => child.kill("SIGKILL"));
    const [stderr, exit] = await Promise.all([text(child.stderr), once(child, "exit")]);
    assert.match(stderr, /A renderer thread does not end/);
    assert.deepEqual(exit, [null, "SIGKILL"]);
  });

  test("a part at the end of the largest memory for parts is rendered", async () => {
    const own = await createRenderers({ backend: "cpu", threads: 1, md5: false });
    const memory = new SharedArrayBuffer(bufferBudget(Number.MAX_SAFE_INTEGER));
    const length = range.end - range.start;
    const target = new Uint8Array(memory, memory.byteLength - length, length);
    await own.render(spec, range, target);
    assertSame(target, expectedBytes(spec, range), () => "the part");
    await own.close();
  });

  test("closing them fails what is under way and what waits, and starts nothing any more", async () => {
    const own = await createRenderers({ backend: "cpu", threads: 1, md5: false });
    const { promise: started, resolve: onStart } = Promise.withResolvers<void>();
    const buffer = shared(range.end - range.start);
    const failed = [
      assert.rejects(own.render(spec, range, buffer, { onStart }), RendererError),
      assert.rejects(own.render(spec, small, buffer), RendererError),
    ];
    await started;
    await own.close();
    await Promise.all(failed);
  });
});
