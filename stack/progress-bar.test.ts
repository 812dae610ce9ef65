import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { showProgress } from "./progress-bar.ts";
import { tell } from "./terminal.mjs";

/** Makes standard error a terminal of that width, whose output goes into a list instead. */
function useTerminal(t: TestContext, columns: number): string[] {
  const { isTTY, columns: before } = process.stderr;
  Object.assign(process.stderr, { isTTY: true, columns });
  t.after(() => Object.assign(process.stderr, { isTTY, columns: before }));
  const written: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => written.push(text));
  t.mock.timers.enable({ apis: ["setInterval"] });
  return written;
}

/** To the line's beginning, and it is cleared: ECMA-48, EL. */
const CLEAR = "\r\x1b[K";

test("a bar stays within its row of the terminal", (t) => {
  const written = useTerminal(t, 40);
  const progress = showProgress("Rendering something with a long name", 1000);
  progress.add(500);
  t.mock.timers.tick(100);
  progress.end();
  assert.deepEqual(written, [`${CLEAR}Rendering something with a long name ██`, CLEAR]);
});

test("a line that is told takes the place of the bar", (t) => {
  const written = useTerminal(t, 80);
  const progress = showProgress("Rendering", 1000);
  t.mock.timers.tick(100);
  tell("Stopping");
  progress.end();
  assert.equal(written[1], `${CLEAR}Stopping\n`);
});
