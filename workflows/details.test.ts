import assert from "node:assert/strict";
import { test } from "node:test";
import type { RenderState } from "../database/state.ts";
import { renderDetails } from "./details.ts";

const running: RenderState = {
  status: "RUNNING",
  partsDone: 0,
  bytesUploaded: 0,
  retriedParts: 0,
  parts: [
    { from: 1, to: 3, state: "ACTIVE" },
    { from: 4, to: 4, state: "WAITING" },
  ],
  backends: [],
};
const FOUR_MEBIBYTES = 4 * 2 ** 20;

test("says how many parts wait, and that a GPU worker must run while none has come back", () => {
  assert.equal(
    renderDetails(running, FOUR_MEBIBYTES),
    "**RUNNING**: 0 of 4 parts, 0.0 of 4.0 MiB in S3\n" +
      "- 3 parts wait on task queue `gpu` or are being rendered; none has come back yet. " +
      "A gpu-worker must run: `npm run gpu-worker`",
  );
});

test("says what rendered it, what was retried, what failed and how long the parts are kept", () => {
  const failed: RenderState = {
    ...running,
    status: "FAILED",
    partsDone: 3,
    bytesUploaded: 3 * 2 ** 20,
    retriedParts: 2,
    parts: [
      { from: 1, to: 3, state: "DONE" },
      { from: 4, to: 4, state: "FAILED" },
    ],
    backends: ["webasm", "cpu"],
    failure: { code: "S3Refused", message: "S3 says no.", part: 4 },
    resumableUntil: "2030-01-01T00:00:00.000Z",
  };
  assert.deepEqual(renderDetails(failed, FOUR_MEBIBYTES).split("\n"), [
    "**FAILED**: 3 of 4 parts, 3.0 of 4.0 MiB in S3",
    "- rendered by webasm, cpu",
    "- 2 parts needed more than one attempt",
    "- failed: `S3Refused` part 4: S3 says no.",
    "- retryRender keeps the parts until 2030-01-01T00:00:00.000Z",
  ]);
});
