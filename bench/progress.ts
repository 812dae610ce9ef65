const PLAIN_LINE_EVERY_MS = 5_000;

/** Shows on standard error what is going on: one line that changes on a terminal, else a line now and then. */
export function createProgress() {
  const live = process.stderr.isTTY === true;
  let lastAt = Number.NEGATIVE_INFINITY;

  return {
    show: (text: string) => {
      if (live) process.stderr.write(`\r\x1b[K${text.slice(0, process.stderr.columns - 1)}`);
      else if (performance.now() - lastAt >= PLAIN_LINE_EVERY_MS) {
        lastAt = performance.now();
        process.stderr.write(`${text}\n`);
      }
    },
    clear: () => {
      if (live) process.stderr.write("\r\x1b[K");
    },
  };
}
