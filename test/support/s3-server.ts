import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { findEngine } from "../../stack/engines.ts";
import { Bucket, type S3Access } from "./bucket.ts";
import { waitFor } from "./wait-for.ts";

/** A SeaweedFS of the test's own, for stacks that reach their S3 through a proxy. It can be killed and started again. */
export class S3Server {
  readonly access: S3Access;
  readonly #folder: string;
  readonly #ports: readonly number[];
  #process: ChildProcess | undefined;

  private constructor(folder: string, ports: readonly number[]) {
    this.#folder = folder;
    this.#ports = ports;
    this.access = {
      endpoint: `http://127.0.0.1:${ports[0]}`,
      bucket: "rasterlift-test",
      region: "us-east-1",
      accessKeyId: "test",
      secretAccessKey: "test-secret",
    };
  }

  static async start(): Promise<S3Server> {
    const folder = await mkdtemp(path.join(tmpdir(), "rasterlift-test-s3-"));
    const server = new S3Server(folder, await freePorts(9));
    await server.start();
    await new Bucket(server.access).create();
    return server;
  }

  /** Starts it (again), on the same data. */
  async start(): Promise<void> {
    const [s3, s3Grpc, filer, filerGrpc, master, masterGrpc, volume, volumeGrpc, adminGrpc] = this.#ports;
    const options = [
      ...[`-dir=${this.#folder}`, "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"],
      ...[`-s3.port=${s3}`, `-s3.port.grpc=${s3Grpc}`, "-s3.port.iceberg=0", "-s3.port.lance=0"],
      ...[`-filer.port=${filer}`, `-filer.port.grpc=${filerGrpc}`, `-master.port=${master}`],
      ...[`-master.port.grpc=${masterGrpc}`, `-volume.port=${volume}`, `-volume.port.grpc=${volumeGrpc}`],
      ...["-admin.ui=false", `-admin.port.grpc=${adminGrpc}`, "-webdav=false"],
    ];
    const weed = spawn(await findEngine("weed"), ["mini", ...options], {
      stdio: "ignore",
      env: {
        HOME: this.#folder,
        AWS_ACCESS_KEY_ID: this.access.accessKeyId,
        AWS_SECRET_ACCESS_KEY: this.access.secretAccessKey,
      },
    });
    process.once("exit", () => weed.kill("SIGKILL"));
    this.#process = weed;
    const bucket = new Bucket(this.access);
    await waitFor("S3", () => bucket.answers());
  }

  /** kill -9. */
  async kill(): Promise<void> {
    if (this.#process === undefined) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
