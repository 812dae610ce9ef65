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
    const figures = `${Math.floor(share * 100)} %, ${Math.round(megabytesPerSecond)} MB/s`;
    return live ? fitted(title, bar, figures) : `${title} ${bar} ${figures}`;
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

/** What of it fits into one row of the terminal: in a narrow one the bar is left out, and then the title's end. */
function fitted(title: string, bar: string, figures: string): string {
  const room = (process.stderr.columns || 80) - 1;
  const whole = `${title} ${bar} ${figures}`;
  if (whole.length <= room) return whole;
  const titleRoom = Math.max(0, room - figures.length - 1);
  const shortened = title.length <= titleRoom ? title : `${title.slice(0, titleRoom - 1)}…`;
  return `${shortened} ${figures}`;
}
