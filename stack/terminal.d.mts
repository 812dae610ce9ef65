export interface Step {
  done(): void;
  failed(): void;
}

/** A line in place of the one before; cut to the width of the terminal. */
export function redrawn(line: string): string;

/** Shows on standard error that `title` is going on, until `done` or `failed` is called. */
export function showStep(title: string): Step;

/** Prints a line on standard error, above a step or a progress bar that is shown there. */
export function tell(line: string): void;

/** What in the machine a program's output says went wrong, and what to do; undefined where it names nothing usual. */
export function machineCauseOf(output: string): string | undefined;

/** The same of a program that downloads. */
export function downloadCauseOf(output: string): string | undefined;

/** The last lines of a program's output (12 unless told), indented, for a message. */
export function lastLines(output: string, count?: number): string;
