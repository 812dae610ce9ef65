import { redrawn } from "./terminal.mjs";

const BAR_WIDTH = 24;
const LIVE_EVERY_MS = 100;
const PLAIN_LINE_EVERY_MS = 5000;

/** Shows on standard error how much of `total` bytes is done: a bar on a terminal, else a line every few seconds. */
export function showProgress(title: string, total: number) {
  const started = performance.now();
  const live = process.stderr.isTTY === true;
  let done = 0;
  const line = () => {
    const share = done / total;
    const filled = Math.floor(share * BAR_WIDTH);
    const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
    const megabytesPerSecond = done / 1e3 / (performance.now() - started);
    return `${title} ${bar} ${Math.floor(share * 100)} %, ${Math.round(megabytesPerSecond)} MB/s`;
  };
  const show = () => process.stderr.write(live ? redrawn(line()) : `${line()}\n`);
  const timer = setInterval(show, live ? LIVE_EVERY_MS : PLAIN_LINE_EVERY_MS);
  timer.unref();
  return {
    /** Counts `bytes` more as done. */
    add: (bytes: number) => {
      done += bytes;
    },
    /** Takes the bar away. */
    end: () => {
      clearInterval(timer);
      if (live) process.stderr.write(redrawn(""));
    },
  };
}
