import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { removeSockets } from "./seaweedfs-sockets.ts";
import { StackError } from "./stack-error.ts";

/** SeaweedFS's maintenance expects the gRPC port of its admin server at this distance from the HTTP port. */
const ADMIN_GRPC_OFFSET = 10_000;

const BLOCK_SIZE = 16;

const LOOPBACK = "127.0.0.1";

/** What each port of a block is for; the block's first is its reservation. */
function portsFrom(base: number) {
  return {
    postgres: base + 1,
    temporal: base + 2,
    temporalUi: base + 3,
    temporalHttp: base + 4,
    temporalMetrics: base + 5,
    s3: base + 6,
    s3Grpc: base + 7,
    s3Master: base + 8,
    s3MasterGrpc: base + 9,
    s3Volume: base + 10,
    s3VolumeGrpc: base + 11,
    s3Filer: base + 12,
    s3FilerGrpc: base + 13,
    s3Admin: base + 14,
    s3AdminGrpc: base + 14 + ADMIN_GRPC_OFFSET,
    api: base + 15,
  } as const;
}

export type Ports = Readonly<ReturnType<typeof portsFrom>>;

/** A block of ports that no other stack takes while this one holds it. */
export interface PortBlock {
  base: number;
  ports: Ports;
  /** For when nothing listens there any more. */
  release(): Promise<void>;
}

/** With the admin port's offset, still below the ports that systems give to client connections by themselves. */
const LOWEST = 10_000;
const HIGHEST = 20_000;
const ATTEMPTS = 200;

/** Left-over connections and a predecessor's sockets may need a moment until its ports are free again. */
const PATIENCE_MS = 2_000;

/**
 * Finds a block of free ports on 127.0.0.1 and reserves it by listening on its first port.
 * @param remembered the base that this data folder had last; it is taken again where it is free
 */
export async function reservePorts(remembered: number | undefined): Promise<PortBlock> {
  if (remembered !== undefined) {
    const deadline = performance.now() + PATIENCE_MS;
    do {
      const block = await tryBlock(remembered);
      if (block !== undefined) return block;
      await pause(100);
    } while (performance.now() < deadline);
  }
  const blocks = Math.floor((HIGHEST - LOWEST) / BLOCK_SIZE);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const block = await tryBlock(LOWEST + Math.floor(Math.random() * blocks) * BLOCK_SIZE);
    if (block !== undefined) return block;
  }
  throw new StackError(
    `No ${BLOCK_SIZE} free ports in a row were found on ${LOOPBACK} between ${LOWEST} and ${HIGHEST}. ` +
      "Stop what listens there, e.g. other stacks (ss -ltnp lists them), then start again.",
  );
}

async function tryBlock(base: number): Promise<PortBlock | undefined> {
  const reservation = await listen(base, LOOPBACK).catch(() => undefined);
  if (reservation === undefined) return undefined;
  const ports = portsFrom(base);
  const free = await Promise.all(Object.values(ports).map(isFree));
  const release = async () => {
    removeSockets(ports);
    await close(reservation);
  };
  if (free.every(Boolean) && removeSockets(ports)) return { base, ports, release };
  await close(reservation);
  return undefined;
}

/** Whether a server could listen on 127.0.0.1:`port` now. */
export function isFree(port: number): Promise<boolean> {
  return tryPort(port, LOOPBACK).then(
    () => true,
    () => false,
  );
}

/** @throws the system's reason where a server could not listen there now */
export async function tryPort(port: number, host: string): Promise<void> {
  await close(await listen(port, host));
}

async function listen(port: number, host: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).unref();
  server.listen({ port, host });
  await once(server, "listening");
  return server;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}
