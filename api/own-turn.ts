import { setImmediate as nextTurn } from "node:timers/promises";

let lastTurn: Promise<void> = Promise.resolve();

/**
 * Resolves in a turn of the event loop in which it resolves for nobody else. What follows may take the processor for a
 * while, and then others get their turns before the next such thing.
 */
export function ownTurn(): Promise<void> {
  lastTurn = lastTurn.then(() => nextTurn());
  return lastTurn;
}
