import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type PortBlock, reservePorts } from "../../stack/ports.ts";
import { s3Answers, seaweedProgram } from "../../stack/seaweedfs.ts";
import { Bucket, type S3Access } from "./bucket.ts";
import { waitFor } from "./wait-for.ts";

/**
 * A SeaweedFS of the test's own, for stacks that reach their S3 through a proxy. It can be killed and started again.
 */
export class S3Server {
  readonly access: S3Access;
  readonly #folder: string;
  readonly #block: PortBlock;
  #process: ChildProcess | undefined;

  private constructor(folder: string, block: PortBlock) {
    this.#folder = folder;
    this.#block = block;
    process.once("exit", () => this.#process?.kill("SIGKILL"));
    this.access = {
      endpoint: `http://127.0.0.1:${block.ports.s3}`,
      bucket: "rasterlift-test",
      region: "us-east-1",
      accessKeyId: "test",
      secretAccessKey: "test-secret",
    };
  }

  /** @param parent the folder that gets a folder with its data */
  static async start(parent = tmpdir()): Promise<S3Server> {
    const folder = await mkdtemp(path.join(parent, "rasterlift-test-s3-"));
    const server = new S3Server(folder, await reservePorts(undefined));
    await server.start();
    await new Bucket(server.access).create();
    return server;
  }

  /** Starts it (again), on the same data. */
  async start(): Promise<void> {
    const { command, args, env } = await seaweedProgram(this.#folder, this.#block.ports, this.access);
    const weed = spawn(command, args, { env, stdio: "ignore" });
    this.#process = weed;
    await waitFor("S3", () => s3Answers(this.access.endpoint));
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
    await this.#block.release();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
