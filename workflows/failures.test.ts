import assert from "node:assert/strict";
import { test } from "node:test";
import { ActivityFailure, ApplicationFailure, TimeoutFailure, TimeoutType } from "@temporalio/common";
import { failureOf } from "./failures.ts";

const failed = (activityType: string, cause: Error) =>
  new ActivityFailure("Activity task failed", activityType, "1", "MAXIMUM_ATTEMPTS_REACHED", "somebody", cause);

test("a failure has its activity's code, and no character that PostgreSQL refuses", () => {
  const cause = ApplicationFailure.nonRetryable("S3 says\0\ud800no", "S3Refused");
  assert.deepEqual(failureOf(failed("renderAndUploadPart", cause), 3), {
    code: "S3Refused",
    message: "S3 says \ufffdno",
    part: 3,
  });
});

test("a failure that says no code has one, and its message ends", () => {
  const { code, message } = failureOf(failed("presignParts", ApplicationFailure.nonRetryable("x".repeat(5_000), "")));
  assert.deepEqual([code, message.length], ["Failed", 800]);
});

test("a timeout says whose log to look at, and why", () => {
  const timeout = (activityType: string, type: TimeoutType) =>
    failureOf(failed(activityType, new TimeoutFailure("activity timeout", undefined, type)));
  assert.deepEqual(timeout("renderAndUploadPart", TimeoutType.HEARTBEAT), {
    code: "WorkerLost",
    message:
      "renderAndUploadPart failed: the last gpu-worker that took it stopped answering. Look at the gpu-worker logs, then retry the render.",
  });
  assert.deepEqual(timeout("presignParts", TimeoutType.START_TO_CLOSE), {
    code: "WorkerLost",
    message:
      "presignParts failed: the last worker that took it took longer than it may. Look at the worker logs, then retry the render.",
  });
});

test("an error that no activity failed with is a bug, and passes through", () => {
  const bug = new TypeError("a bug");
  assert.throws(() => failureOf(bug), bug);
});
