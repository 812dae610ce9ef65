import { setTimeout as delay } from "node:timers/promises";

/** Waits until the condition holds. @throws where it does not within a minute (or as long as told), naming it */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMilliseconds = 60_000,
): Promise<void> {
  const deadline = performance.now() + withinMilliseconds;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${withinMilliseconds} ms in vain for ${what}`);
    await delay(20);
  }
}
