import type { BenchSettings } from "./report.ts";
import { median } from "./statistics.ts";

/** One way to do the same work. */
export interface Contestant {
  name: string;
  /** @returns the seconds it took */
  run(): Promise<number>;
}

export interface Standing {
  name: string;
  medianSeconds: number;
  /** One a round. */
  seconds: number[];
}

/**
 * Lets each run once a round, every second round the other way around, so that neither a slow minute nor the order
 * decides.
 * @returns in the contestants' order
 */
export async function holdContest(
  label: string,
  rounds: number,
  contestants: readonly Contestant[],
  { signal, progress }: Pick<BenchSettings, "signal" | "progress">,
): Promise<Standing[]> {
  const seconds = new Map<Contestant, number[]>(contestants.map((contestant) => [contestant, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const contestant of round % 2 === 1 ? contestants : contestants.toReversed()) {
      signal.throwIfAborted();
      progress(`${label}, round ${round}/${rounds}: ${contestant.name}`);
      seconds.get(contestant)?.push(await contestant.run());
    }
  }
  return [...seconds].map(([{ name }, own]) => ({ name, medianSeconds: median(own), seconds: own }));
}
