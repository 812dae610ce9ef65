import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { GraphQLError } from "graphql";
import type { RenderSpec } from "../../images/spec.ts";
import { assertFileIsRight } from "./check-file.ts";
import type { RenderEvent } from "./client.ts";
import { MIB } from "./images.ts";
import type { ProxiedStack } from "./proxied-stack.ts";
import type { ProcessName, TestStack } from "./stack.ts";
import { waitFor } from "./wait-for.ts";

/** What kill -9 can hit. */
export const victims = [
  "api",
  "worker",
  "gpu-worker",
  "temporal",
  "postgres",
  "s3",
  "supervisor",
  "everything",
] as const;
export type Victim = (typeof victims)[number];

interface Observed {
  event: RenderEvent;
  /** On the clock of performance.now(). */
  at: number;
}

/**
 * Runs one render while `disturb` does its worst, and checks that nothing was lost: COMPLETED, every byte right, its
 * events without gap or double, no part sent again that was known to be done, no multipart upload left.
 * @param disturb gets the latest event whenever it asks; the render goes on while it runs
 */
export async function endure(
  proxied: ProxiedStack,
  spec: RenderSpec,
  disturb: (latest: () => RenderEvent["render"] | undefined) => Promise<void>,
): Promise<void> {
  const user = randomUUID();
  const client = await proxied.stack.client(user);
  const { id, partCount } = await client.started({ spec, partSize: 5 * MIB });
  const seen: Observed[] = [];
  const following = follow(proxied.stack, user, id, seen);
  await Promise.all([disturb(() => seen.at(-1)?.event.render), following]);

  assert.deepEqual(
    seen.map(({ event }) => event.sequence),
    seen.map((_, index) => index + 1),
    "no gap and no double",
  );
  assert.equal(seen.at(-1)?.event.render.status, "COMPLETED", JSON.stringify(seen.at(-1)?.event.render.failure));
  for (let part = 1; part <= partCount; part++) {
    const done = seen.find(({ event }) => isDone(event.render, part))?.at ?? 0;
    const again = proxied.puts(id).filter(({ partNumber, startedAt }) => partNumber === part && startedAt > done);
    assert.deepEqual(again, [], `part ${part} was sent again after it was done`);
  }
  const after = await proxied.stack.client(user);
  assert.deepEqual(
    await after.history(id),
    seen.map(({ event }) => event),
  );
  await assertFileIsRight(await after.completed(id), spec);
  const uploads = await proxied.stack.bucket.openUploads();
  assert.deepEqual(
    uploads.filter(({ key }) => key.includes(id)),
    [],
  );
}

/** Kills, and starts again what nobody else would: the supervisor, and the test's own S3. */
export async function kill(proxied: ProxiedStack, victim: Victim): Promise<void> {
  const { stack, s3 } = proxied;
  if (victim === "s3") {
    await s3.kill();
    await s3.start();
  } else if (victim === "supervisor" || victim === "everything") {
    await (victim === "supervisor" ? stack.killSupervisor() : stack.killAll());
    await stack.start();
  } else {
    await stack.kill(victim satisfies ProcessName);
  }
}

/** Gathers a render's events up to its end, going on after each broken subscription where it broke off. */
async function follow(stack: TestStack, user: string, id: string, seen: Observed[]): Promise<void> {
  while (seen.at(-1)?.event.render.finishedAt == null) {
    try {
      const client = await stack.client(user);
      for await (const event of client.events(id, seen.length)) seen.push({ event, at: performance.now() });
    } catch (error) {
      if (error instanceof GraphQLError && error.extensions["code"] !== "SERVICE_UNAVAILABLE") throw error;
      await waitFor("the API", () => stack.isReady());
    }
  }
}

function isDone({ parts }: RenderEvent["render"], part: number): boolean {
  return parts.some(({ from, to, state }) => state === "DONE" && from <= part && part <= to);
}
