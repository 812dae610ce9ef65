// @ts-check
// Who a process is. Plain JavaScript: bootstrap.mjs runs it before any package is there.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * A process for as long as it lives: the system gives its pid to another one later, but never with the same start.
 * @typedef {object} ProcessIdentity
 * @property {number} pid
 * @property {string} started When it started, in the system's own words; compared for equality only.
 */

/**
 * @param {number} pid
 * @returns {ProcessIdentity | undefined} undefined where there is no such process (or only its remains, a zombie)
 */
export function identify(pid) {
  const started = process.platform === "linux" ? startedOnLinux(pid) : startedByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

/**
 * Whether this very process still runs.
 * @param {ProcessIdentity} identity
 */
export function isRunning({ pid, started }) {
  return identify(pid)?.started === started;
}

/**
 * Whether any process has this pid.
 * @param {number} pid
 */
export function isAlive(pid) {
  return identify(pid) !== undefined;
}

/**
 * proc(5): /proc/PID/stat, fields 3 (state) and 22 (start in clock ticks since boot), after the name in brackets.
 * @param {number} pid
 */
function startedOnLinux(pid) {
  let stat;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return `${boot} ${fields[19]}`;
}

/** @param {number} pid */
function startedByPs(pid) {
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", `${pid}`], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}
