import { readdir, readFile } from "node:fs/promises";

/** Clock ticks a second in /proc (USER_HZ), the same on every Linux that Node.js runs on. */
const TICKS = 100;

interface ProcessTimes {
  parent: number;
  seconds: number;
}

/**
 * Processor seconds that each process has used so far, together with those started by it; Linux only, elsewhere
 * nothing. What a child had used that has ended is counted where its parent waited for it.
 */
export async function processorSeconds(pids: readonly number[]): Promise<number[] | undefined> {
  const all = await readAll();
  if (all.size === 0) return undefined;
  const own = new Map(pids.map((pid) => [pid, 0]));
  for (const [pid, { seconds }] of all) {
    const owner = ownerOf(pid, own, all);
    if (owner !== undefined) own.set(owner, (own.get(owner) ?? 0) + seconds);
  }
  return pids.map((pid) => own.get(pid) ?? 0);
}

function ownerOf(pid: number, owners: ReadonlyMap<number, number>, all: ReadonlyMap<number, ProcessTimes>) {
  for (let at: number | undefined = pid; at !== undefined; at = all.get(at)?.parent) if (owners.has(at)) return at;
  return undefined;
}

async function readAll(): Promise<Map<number, ProcessTimes>> {
  const names = await readdir("/proc").catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const times = await Promise.all(pids.map(async (pid) => [pid, await readTimes(pid)] as const));
  return new Map(times.flatMap(([pid, read]) => (read ? [[pid, read]] : [])));
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; the name before it may hold anything but `)`. */
async function readTimes(pid: number): Promise<ProcessTimes | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  const fields = stat
    ?.slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  if (!fields) return undefined;
  const [, parent = 0] = fields;
  const ticks = fields.slice(11, 15).reduce((total, field) => total + field, 0);
  return { parent, seconds: ticks / TICKS };
}
