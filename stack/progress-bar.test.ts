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

for (const [columns, shown] of [
  [80, `Rendering a long name ${"█".repeat(12)}${"░".repeat(12)} 50 %, 50 MB/s`],
  [40, "Rendering a long name 50 %, 50 MB/s"],
  [30, "Rendering a lo… 50 %, 50 MB/s"],
] as const) {
  test(`in a terminal of ${columns} columns, how far it is can be read in one row`, (t) => {
    const written = useTerminal(t, columns);
    let now = 0;
    t.mock.method(performance, "now", () => now);
    const progress = showProgress("Rendering a long name", 10e6);
    progress.add(5e6);
    now = 100;
    t.mock.timers.tick(100);
    progress.end();
    assert.deepEqual(written, [`${CLEAR}${shown}`, CLEAR]);
  });
}

test("a line that is told takes the place of the bar", (t) => {
  const written = useTerminal(t, 80);
  const progress = showProgress("Rendering", 1000);
  t.mock.timers.tick(100);
  tell("Stopping");
  progress.end();
  assert.equal(written[1], `${CLEAR}Stopping\n`);
});
