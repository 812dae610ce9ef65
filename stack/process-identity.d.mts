/** A process for as long as it lives: the system gives its pid to another one later, but never with the same start. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in the system's own words; compared for equality only. */
  started: string;
}

/** @returns undefined where there is no such process (or only its remains, a zombie) */
export function identify(pid: number): ProcessIdentity | undefined;

/** Whether this very process still runs. */
export function isRunning(identity: ProcessIdentity): boolean;

/** Whether any process has this pid. */
export function isAlive(pid: number): boolean;
