import { redrawn } from "../stack/terminal.mjs";

const PLAIN_LINE_EVERY_MS = 5_000;

/** Shows on standard error what is going on: one line that changes on a terminal, else a line now and then. */
export function createProgress() {
  const live = process.stderr.isTTY === true;
  let lastAt = Number.NEGATIVE_INFINITY;

  return {
    show: (text: string) => {
      if (live) process.stderr.write(redrawn(text));
      else if (performance.now() - lastAt >= PLAIN_LINE_EVERY_MS) {
        lastAt = performance.now();
        process.stderr.write(`${text}\n`);
      }
    },
    clear: () => {
      if (live) process.stderr.write(redrawn(""));
    },
  };
}
