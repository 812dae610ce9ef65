import assert from "node:assert/strict";
import { test } from "node:test";
import { ApplicationFailure } from "@temporalio/common";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { type Meaning, StorageError } from "../storage/answers.ts";
import { talkingToS3 } from "./talking-to-s3.ts";

/** Failing activities are what these tests are about: the SDK need not warn of each. */
const logger = new DefaultLogger("ERROR");

/** How the activity's attempt fails where its work does. */
async function failure(error: Error, { attempt = 1, insist = false } = {}): Promise<ApplicationFailure> {
  const activity = new MockActivityEnvironment({ attempt }, { logger });
  const work = () => talkingToS3(() => Promise.reject(error), { insist });
  const failed: unknown = await activity.run(work).catch((reason: unknown) => reason);
  assert.ok(failed instanceof ApplicationFailure);
  return failed;
}

/** The pauses before the next attempt, in milliseconds, as drawn a hundred times. */
function pauses(meaning: Meaning, attempt: number): Promise<number[]> {
  const drawn = async () =>
    Number((await failure(new StorageError(meaning, "Code", "why"), { attempt })).nextRetryDelay);
  return Promise.all(Array.from({ length: 100 }, drawn));
}

test("heartbeats as long as S3 takes", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const activity = new MockActivityEnvironment();
  let beats = 0;
  activity.on("heartbeat", () => {
    beats += 1;
  });
  const answer = await activity.run(() =>
    talkingToS3(async () => {
      t.mock.timers.tick(8_000);
      return "an answer";
    }),
  );
  t.mock.timers.tick(8_000);
  assert.deepEqual([answer, beats], ["an answer", 4]);
});

test("pauses are drawn at random, grow to half a minute, and are longer where S3 asks to slow down", async () => {
  const longest = async (meaning: Meaning, attempt: number) => Math.max(...(await pauses(meaning, attempt)));
  assert.ok(new Set(await pauses("retry", 5)).size > 50);
  assert.ok((await longest("retry", 1)) <= 250);
  assert.ok((await longest("retry", 4)) > 250);
  assert.ok((await longest("slow-down", 1)) > 250);
  for (const meaning of ["retry", "slow-down"] as const) assert.ok((await longest(meaning, 50)) <= 30_000);
});

test("what S3 refuses is final, unless giving up would leave something behind", async () => {
  const refusal = new StorageError("refused", "AccessDenied", "no");
  const { type, nonRetryable, message } = await failure(refusal);
  assert.deepEqual([type, nonRetryable, message], ["AccessDenied", true, "no"]);
  assert.equal((await failure(refusal, { insist: true })).nonRetryable, false);
});

test("an error that nobody foresaw is a failure of no name of its own", async () => {
  const { type, nonRetryable } = await failure(new TypeError("unforeseen"));
  assert.deepEqual([type, nonRetryable], ["Failed", false]);
});
