import type { BenchSettings } from "./report.ts";
import { median } from "./statistics.ts";

/** One way to do the same work. */
export interface Contestant {
  name: string;
  /** @returns the seconds it took */
  run(): Promise<number>;
}

export interface Result {
  name: string;
  seconds: number;
}

export interface Standing {
  name: string;
  medianSeconds: number;
  seconds: number[];
}

/** Lets each run once, every second round the other way around, so that neither a slow minute nor the order decides. */
export async function runRound(
  label: string,
  round: number,
  contestants: readonly Contestant[],
  { signal, progress }: Pick<BenchSettings, "signal" | "progress">,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const { name, run } of round % 2 === 1 ? contestants : contestants.toReversed()) {
    signal.throwIfAborted();
    progress(`${label}: ${name}`);
    results.push({ name, seconds: await run() });
  }
  return results;
}

/** The results of all rounds by contestant, in the order in which the first round had them. */
export function standingsOf(results: readonly Result[]): Standing[] {
  return [...Map.groupBy(results, ({ name }) => name)].map(([name, own]) => {
    const seconds = own.map((result) => result.seconds);
    return { name, medianSeconds: median(seconds), seconds };
  });
}
