import { spawnSync } from "node:child_process";
import path from "node:path";
import { hasCode } from "../../service/errors.ts";

/**
 * Kills everything that this process has started, and what that has started. All of it is halted first, so that nothing
 * is started meanwhile whose parent is then gone. Where there is no `ps`, nothing is found.
 */
export function killDescendants(): void {
  const halted = new Map<number, string>();
  for (;;) {
    const others = descendants().filter(({ pid }) => !halted.has(pid));
    if (others.length === 0) break;
    for (const { pid, program } of others) {
      send(pid, "SIGSTOP");
      halted.set(pid, program);
    }
  }
  for (const [pid, program] of halted) {
    send(pid, program === "postgres" ? "SIGQUIT" : "SIGKILL"); // killed, it would leave its shared memory
    send(pid, "SIGCONT");
  }
}

function descendants(): { pid: number; program: string }[] {
  const ps = spawnSync("ps", ["-A", "-o", "pid=,ppid=,comm="], { encoding: "utf8" });
  const rows = Array.from((ps.stdout ?? "").matchAll(/^ *(\d+) +(\d+) (.*)$/gm), ([, pid, parent, command = ""]) => ({
    pid: Number(pid),
    parent: Number(parent),
    program: path.basename(command),
  }));
  const childrenOf = Map.groupBy(rows, ({ parent }) => parent);
  const below = (parent: number): typeof rows =>
    (childrenOf.get(parent) ?? []).flatMap((child) => [child, ...below(child.pid)]);
  return below(process.pid).filter(({ pid }) => pid !== ps.pid);
}

/** A process that has ended already is no error. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}
