// A child process of the memory benchmark: renders every part of an image as the GPU worker does and drops it.
// Takes a spec as JSON; sends { bytesDone } now and then and { peakBytes, seconds, backend } at the end.
import { BufferPool, bufferBudget } from "../gpu-worker/buffer-pool.ts";
import { createRenderers } from "../gpu-worker/renderers.ts";
import { byteSizeOf } from "../images/formats/index.ts";
import { planParts, rangesOf } from "../images/plan.ts";
import { inParallel } from "../test/support/in-parallel.ts";

const REPORT_EVERY_MS = 500;
const PARTS_IN_FLIGHT = 4;

process.on("disconnect", () => process.exit());

const spec = JSON.parse(process.argv[2] ?? "");
const ranges = rangesOf(planParts(byteSizeOf(spec)));
const buffers = new BufferPool(bufferBudget(PARTS_IN_FLIGHT));
const never = new AbortController().signal;
const renderers = await createRenderers({ backend: "auto", md5: true });

let bytesDone = 0;
const reports = setInterval(() => process.send?.({ bytesDone }), REPORT_EVERY_MS);
const start = performance.now();
await inParallel(ranges, PARTS_IN_FLIGHT, async (range) => {
  using loan = await buffers.acquire(range.end - range.start, never);
  await renderers.render(spec, range, loan.bytes);
  bytesDone += range.end - range.start;
});
clearInterval(reports);
const seconds = (performance.now() - start) / 1000;
process.send?.({ peakBytes: process.resourceUsage().maxRSS * 1024, seconds, backend: renderers.backend });
await renderers.close();
process.disconnect();
