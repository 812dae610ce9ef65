import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { endure, kill, victims } from "../support/endurance.ts";
import { allRgb, MIB } from "../support/images.ts";
import { ProxiedStack } from "../support/proxied-stack.ts";
import { seededRandom } from "../support/random.ts";

const USAGE = `Usage: npm run test:chaos -- [--kills N] [--seed N]

Kills processes of a running stack at random moments, with kill -9, until N
kills (50) have happened: api, worker, gpu-worker, temporal, postgres, s3, the
supervisor alone, and everything at once. Renders go on all the while, and each
is checked: byte-exact, events without gap or double, finished parts not sent
again, no multipart upload left. The same seed makes the same choices again;
their moments depend on the machine.
`;

const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    seed: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});
if (options.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}

const wanted = Number(options.kills);
const seed = options.seed === undefined ? randomInt(2 ** 31) : Number(options.seed);
if (!Number.isInteger(wanted) || !Number.isInteger(seed)) {
  process.stderr.write(`--kills and --seed take whole numbers.\n\n${USAGE}`);
  process.exit(1);
}
console.log(`seed ${seed}`);

const random = seededRandom(seed);
const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
const counts = new Map<string, number>();
let kills = 0;

const proxied = await ProxiedStack.start({ GPU_WORKERS: "2", GPU_CONCURRENCY: "2" });
proxied.proxy.rule = ({ operation }) =>
  operation === "UploadPart" ? { kind: "throttle", bytesPerSecond: 10 * MIB } : undefined;
try {
  for (let render = 1; kills < wanted; render++) {
    const side = between(4_000, 7_000);
    console.log(`render ${render}: ${side} × ${side}`);
    let ended = false;
    await endure(proxied, allRgb(side, side), async (latest) => {
      while (kills < wanted && !ended) {
        await delay(between(0, 4_000));
        ended = latest()?.finishedAt != null;
        if (!ended) await killOne();
      }
    });
    console.log(`render ${render}: nothing lost`);
  }
  console.log(
    `${kills} kills (${[...counts].map(([victim, count]) => `${count} × ${victim}`).join(", ")}): nothing lost`,
  );
} catch (error) {
  console.error(error);
  console.error(`Failed after ${kills} kills. Again: npm run test:chaos -- --kills ${wanted} --seed ${seed}`);
  process.exitCode = 1;
} finally {
  await proxied[Symbol.asyncDispose]();
}

async function killOne(): Promise<void> {
  const victim = victims[between(0, victims.length - 1)] ?? "api";
  await kill(proxied, victim);
  kills += 1;
  counts.set(victim, (counts.get(victim) ?? 0) + 1);
  console.log(`kill ${kills} of ${wanted}: ${victim}`);
}
