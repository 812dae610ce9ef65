import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startTemporal } from "../test/support/temporal.ts";
import { createRenderers } from "./renderers.ts";

const NOBODY = "127.0.0.1:1";

function startWorker(env: NodeJS.ProcessEnv): ChildProcessByStdio<null, Readable, Readable> {
  const main = fileURLToPath(import.meta.resolve("./main.ts"));
  return spawn(process.execPath, [main], {
    env: { PATH: process.env["PATH"], TEMPORAL_ADDRESS: NOBODY, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function resultOf(worker: ReturnType<typeof startWorker>) {
  const [stdout, stderr, [code]] = await Promise.all([text(worker.stdout), text(worker.stderr), once(worker, "exit")]);
  return { stdout, stderr, code };
}

const webgpu = await createRenderers({ backend: "webgpu", threads: 1, md5: false }).then(
  (renderers) => renderers.close(),
  (error: Error) => error.message,
);

describe("npm run gpu-worker", () => {
  test("wrong settings end it with a line for each and exit code 1", async () => {
    const { stderr, code } = await resultOf(startWorker({ GPU_BACKEND: "metal", GPU_CONCURRENCY: "0" }));
    assert.equal(code, 1);
    assert.match(stderr, /GPU_BACKEND: must be one of auto, webgpu, webasm, cpu$/m);
    assert.match(stderr, /GPU_CONCURRENCY: /);
  });

  test("a backend that is not there ends it with what to do and exit code 1", async () => {
    const noDrivers = { VK_DRIVER_FILES: "/nonexistent", VK_ICD_FILENAMES: "/nonexistent" };
    const { stderr, code } = await resultOf(startWorker({ GPU_BACKEND: "webgpu", ...noDrivers }));
    assert.equal(code, 1);
    assert.match(stderr, /GPU_BACKEND=webgpu: .*driver/);
  });

  for (const [env, message] of [
    [{ TEMPORAL_ADDRESS: "http://localhost:7233" }, /^TEMPORAL_ADDRESS: must be host:port/m],
    [{ TEMPORAL_TLS_CLIENT_CERT_PATH: "/nonexistent" }, /^Temporal's client settings \(TEMPORAL_\*.*\/nonexistent/m],
  ] as const) {
    test(`${Object.keys(env)} that is wrong ends it with what to do and exit code 1`, async () => {
      const { stdout, stderr, code } = await resultOf(startWorker(env));
      assert.equal(code, 1, stdout);
      assert.match(stderr, message);
    });
  }

  test("a Temporal without the namespace ends it with what to do and exit code 1", async () => {
    const temporal = await startTemporal();
    const worker = startWorker({ TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: "nowhere" });
    const { stderr, code } = await resultOf(worker);
    await temporal.teardown();
    assert.equal(code, 1);
    assert.match(stderr, /^Temporal has no namespace nowhere: make it, or correct TEMPORAL_NAMESPACE\.$/m);
  });

  for (const backend of ["auto", "webgpu"]) {
    const skip = backend === "webgpu" && webgpu ? webgpu : false;
    test(`${backend}: names its backend, waits for Temporal, and leaves with exit code 0 on SIGTERM`, {
      skip,
    }, async () => {
      const worker = startWorker({ GPU_BACKEND: backend, GPU_CONCURRENCY: "1", RENDER_THREADS: "8" });
      const result = resultOf(worker);
      worker.stdout.on("data", (line) => {
        if (String(line).includes("does not answer")) worker.kill("SIGTERM");
      });
      const { stdout, code } = await result;
      assert.equal(code, 0);
      assert.match(stdout, backend === "webgpu" ? /"backend":"webgpu \(.+\)"/ : /"backend":"(webgpu \(.+\)|webasm)"/);
      assert.match(stdout, /"threads":1\b/, "no more threads than parts in flight");
      assert.match(stdout, new RegExp(`Temporal at ${NOBODY} does not answer`));
    });
  }
});
