import { randomInt } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { runCommand } from "../../stack/command.ts";
import { readInteger } from "../../stack/spec-options.ts";
import { endure, kill, victims } from "../support/endurance.ts";
import { allRgb, MIB } from "../support/images.ts";
import { ProxiedStack } from "../support/proxied-stack.ts";
import { seededRandom } from "../support/random.ts";

const USAGE = `Usage: npm run test:chaos -- [--kills N] [--seed N]

Kills processes of a running stack at random moments, with kill -9, until N
kills (50) have happened: api, worker, gpu-worker, temporal, postgres, s3, the
supervisor alone, and everything at once. Renders go on all the while, and each
is checked: byte-exact, events without gaps or duplicates, finished parts not
sent again, no multipart upload left. The same seed makes the same choices
again; their moments depend on the machine.
`;

await runCommand(USAGE, async (stop) => {
  const { values } = parseArgs({ options: { kills: { type: "string", default: "50" }, seed: { type: "string" } } });
  const wanted = readInteger("--kills", values.kills);
  const seed = values.seed === undefined ? randomInt(2 ** 31) : readInteger("--seed", values.seed);
  console.log(`seed ${seed}`);
  const stopped = once(stop, "abort").then(() => Promise.reject(stop.reason));
  const proxied = await ProxiedStack.start({ GPU_WORKERS: "2", GPU_CONCURRENCY: "2" });
  proxied.proxy.rule = ({ operation }) =>
    operation === "UploadPart" ? { kind: "throttle", bytesPerSecond: 10 * MIB } : undefined;
  const counts = new Map<string, number>();
  try {
    await Promise.race([killUntil(wanted, seed, proxied, counts), stopped]);
    console.log(`${namesOf(counts)}: nothing lost`);
    return 0;
  } catch (error) {
    if (stop.aborted) throw error;
    console.error(error);
    console.error(`Failed after ${namesOf(counts)}. Again: npm run test:chaos -- --kills ${wanted} --seed ${seed}`);
    return 1;
  } finally {
    await proxied[Symbol.asyncDispose]();
  }
});

/** @param counts gets how often each was killed */
async function killUntil(wanted: number, seed: number, proxied: ProxiedStack, counts: Map<string, number>) {
  const random = seededRandom(seed);
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  let kills = 0;
  for (let render = 1; kills < wanted; render++) {
    const side = between(4_000, 7_000);
    console.log(`render ${render}: ${side} × ${side}`);
    await endure(proxied, allRgb(side, side), async (latest) => {
      while (kills < wanted) {
        await delay(between(0, 4_000));
        if (latest()?.finishedAt != null) return;
        const victim = victims[between(0, victims.length - 1)] ?? "api";
        await kill(proxied, victim);
        kills += 1;
        counts.set(victim, (counts.get(victim) ?? 0) + 1);
        console.log(`kill ${kills} of ${wanted}: ${victim}`);
      }
    });
    console.log(`render ${render}: nothing lost`);
  }
}

function namesOf(counts: ReadonlyMap<string, number>): string {
  const kills = [...counts.values()].reduce((total, count) => total + count, 0);
  return `${kills} kills (${[...counts].map(([victim, count]) => `${count} × ${victim}`).join(", ")})`;
}
