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
  seconds: number[];
}

/** Lets each run so many times, in turns, every other round the other way around, so that a slow minute hits all. */
export async function compete(
  title: string,
  contestants: readonly Contestant[],
  runs: number,
  { signal, progress }: Pick<BenchSettings, "signal" | "progress">,
): Promise<Standing[]> {
  const standings = contestants.map((contestant) => ({ contestant, seconds: [] as number[] }));
  for (let run = 1; run <= runs; run++) {
    for (const { contestant, seconds } of run % 2 === 1 ? standings : standings.toReversed()) {
      signal.throwIfAborted();
      progress(`${title}: ${contestant.name}, run ${run}/${runs}`);
      seconds.push(await contestant.run());
    }
  }
  return standings.map(({ contestant: { name }, seconds }) => ({ name, medianSeconds: median(seconds), seconds }));
}
