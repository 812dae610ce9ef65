import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** What each port of a stack's block is for, in the block's order; the first is the reservation itself. */
const uses = [
  "reserved",
  "postgres",
  "temporal",
  "temporalUi",
  "temporalHttp",
  "temporalMetrics",
  "s3",
  "s3Grpc",
  "s3Master",
  "s3MasterGrpc",
  "s3Volume",
  "s3VolumeGrpc",
  "s3Filer",
  "s3FilerGrpc",
  "s3Admin",
  "s3AdminGrpc",
  "api",
] as const;

export type Ports = Readonly<Record<(typeof uses)[number], number>>;

/** A block of ports that no other stack takes while this one holds it. */
export interface PortBlock {
  base: number;
  ports: Ports;
  release(): Promise<void>;
}

/** Below the ports that systems hand out by themselves, so that no client connection sits on one of ours. */
const lowest = 10_000;
const highest = 32_000;
const attempts = 200;

/** Left-over connections and a predecessor's sockets may need a moment until its ports are free again. */
const patienceMs = 2_000;

/**
 * Finds a block of free ports on 127.0.0.1 and reserves it by listening on its first port.
 * @param remembered the base that this data folder had last; it is taken again where it is free
 */
export async function reservePorts(remembered: number | undefined): Promise<PortBlock> {
  if (remembered !== undefined) {
    const deadline = performance.now() + patienceMs;
    do {
      const block = await tryBlock(remembered);
      if (block !== undefined) return block;
      await pause(100);
    } while (performance.now() < deadline);
  }
  const blocks = Math.floor((highest - lowest) / uses.length);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const block = await tryBlock(lowest + Math.floor(Math.random() * blocks) * uses.length);
    if (block !== undefined) return block;
  }
  throw new Error(`no ${uses.length} free ports in a row between ${lowest} and ${highest} after ${attempts} attempts`);
}

async function tryBlock(base: number): Promise<PortBlock | undefined> {
  const reservation = await listen(base);
  if (reservation === undefined) return undefined;
  const rest = uses.slice(1).map((_, index) => base + 1 + index);
  const free = await Promise.all(rest.map(isFree));
  if (free.every(Boolean)) {
    const ports = Object.fromEntries(uses.map((use, index) => [use, base + index])) as Record<
      (typeof uses)[number],
      number
    >;
    return { base, ports, release: () => close(reservation) };
  }
  await close(reservation);
  return undefined;
}

/** Whether a server could listen on 127.0.0.1:`port` now. */
export async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === undefined) return false;
  await close(server);
  return true;
}

async function listen(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy()).unref();
  server.listen({ port, host: "127.0.0.1" });
  try {
    await once(server, "listening");
    return server;
  } catch {
    return undefined;
  }
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}
