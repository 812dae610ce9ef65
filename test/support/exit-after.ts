import { killDescendants } from "./kill-descendants.ts";

/** Ends this process, if it then still runs, with exit code 1 and without what it has started. */
export function exitAfter(milliseconds: number): void {
  const exit = () => {
    process.stderr.write(`It hangs: it has not ended after ${milliseconds / 1000} s.\n`);
    killDescendants();
    process.exit(1);
  };
  setTimeout(exit, milliseconds).unref();
}
