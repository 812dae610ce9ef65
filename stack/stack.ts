import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import * as z from "zod";
import { GPU_QUEUE } from "../gpu-worker/part.ts";
import { integer, readSettings } from "../service/settings.ts";
import { temporalSettings } from "../service/temporal.ts";
import { CONTROL_QUEUE } from "../workflows/messages.ts";
import { checkApiAddress } from "./api-address.ts";
import { DataFolder, defaultDataFolder, type Secrets, type StackInfo, type SupervisorRecord } from "./data-folder.ts";
import { describeServices, embeddedEngines, environments, type ServiceSettings } from "./environment.ts";
import { readableLog } from "./log-lines.ts";
import { Pollers } from "./pollers.ts";
import { type PortBlock, type Ports, reservePorts } from "./ports.ts";
import { postgresAnswers, postgresProgram } from "./postgres.ts";
import { identify, isRunning, type ProcessIdentity } from "./process-identity.mjs";
import { runProgram } from "./run-program.ts";
import { s3Answers, seaweedProgram } from "./seaweedfs.ts";
import { StackError } from "./stack-error.ts";
import { killGroup, type Program, Supervised, type Watcher } from "./supervised.ts";
import { temporalAnswers, temporalConnection, temporalProgram } from "./temporal.ts";
import { lastLines, machineCauseOf, showStep } from "./terminal.mjs";

export interface StackOptions {
  /** Gets what a person at the terminal should see, line by line. */
  say: (line: string) => void;
  /** Aborted to give up, while the stack still starts. */
  signal: AbortSignal;
  isDemo?: boolean;
}

const stackSettings = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: integer(0, 65_535).default(4000),
  GPU_WORKERS: integer(0, 256).default(1),
});

const root = path.join(import.meta.dirname, "..");

/** Longer than a worker takes to end by itself (`shutdownForceTime`), whatever S3 and Temporal do. */
const WORKER_STOP_MS = 40_000;
/** Longer than the API itself lets requests finish. */
const API_STOP_MS = 15_000;
const TAKE_OVER_MS = 5_000;

/**
 * Starts the whole system on this machine: the engines for which no address is given, then the project's processes.
 * Resolves when a render can be started.
 * @throws StackError or SettingsError that say what to do; nothing is left running then
 */
export async function startStack({ say, signal, isDemo = false }: StackOptions): Promise<Stack> {
  const stack = new Stack(say, isDemo);
  const stop = () => void stack.stop();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const step = showStep("Starting PostgreSQL, Temporal, S3, the API and the workers");
  try {
    await stack.start();
    step.done();
    return stack;
  } catch (error) {
    step.failed();
    await stack.stop();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** A stack that `startStack` started. */
class Stack implements Watcher {
  readonly #folder = new DataFolder(defaultDataFolder());
  readonly #say: (line: string) => void;
  readonly #isDemo: boolean;
  readonly #settings = readSettings(stackSettings);
  readonly #processes: Supervised[] = [];
  readonly #stopping = new AbortController();
  #block: PortBlock | undefined;
  #addresses: Omit<StackInfo, "processes"> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(say: (line: string) => void, isDemo: boolean) {
    this.#say = say;
    this.#isDemo = isDemo;
  }

  /** What stack.json says. */
  get info(): StackInfo {
    if (this.#addresses === undefined) throw new Error("the stack is not ready yet");
    return { ...this.#addresses, processes: this.#running().map(({ name, pid }) => ({ name, pid })) };
  }

  get dataFolder(): string {
    return this.#folder.path;
  }

  async start(): Promise<void> {
    await this.#folder.lock(this.#say, this.#stopping.signal);
    await this.#takeOver();
    this.#block = await reservePorts(this.#folder.readRecord()?.portBase);
    const { ports } = this.#block;
    const apiPort = this.#settings.PORT || ports.api;
    const apiAddress = await checkApiAddress(this.#settings.HOST, apiPort);
    const secrets = this.#folder.secrets();
    const services = describeServices(process.env, ports, secrets);
    const environment = environments(process.env, services, secrets.jwtSecret);

    const database = this.#startPostgres(ports, secrets).then(() =>
      this.#runToEnd("Migrating the database", "database/migrate.ts", environment.worker),
    );
    const storage = this.#startS3(ports, secrets).then(() =>
      this.#runToEnd("Making the bucket", "stack/make-bucket.ts", environment.worker),
    );
    const temporal = this.#startTemporal(ports);
    const polling = temporal.then((pollers) => this.#startGpuWorkers(environment.gpuWorker, pollers));
    // It takes longest to start, and waits for the migration by itself.
    const control = temporal.then((pollers) => this.#startWorker(environment.worker, pollers));
    const api = Promise.all([temporal, database, storage]).then(() =>
      this.#startApi({ ...environment.api, PORT: `${apiPort}` }, apiAddress),
    );
    await Promise.all([polling, control, api]);
    await (await temporal).close();
    this.#addresses = addressesOf(services, apiAddress);
    this.changed();
  }

  /** Stops in order: what takes requests, what works on them, the engines. Calling it again waits for the same end. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    if (!this.#folder.isOurs) return;
    this.changed();
    this.#folder.remove("stack.json");
    for (const names of stopOrder) {
      const together = this.#processes.filter(({ program }) => names.includes(program.name));
      await Promise.all(together.map((supervised) => supervised.stop()));
    }
    await this.#block?.release();
    this.#folder.unlock();
  }

  say(line: string): void {
    this.#say(line);
  }

  /** Keeps the files that name the processes true. */
  changed(): void {
    const processes = this.#running();
    try {
      this.#folder.writeRecord({
        supervisor: self(),
        stopping: this.#stopping.signal.aborted,
        isDemo: this.#isDemo,
        portBase: this.#block?.base ?? this.#folder.readRecord()?.portBase,
        processes,
      });
      if (this.#addresses === undefined || this.#stopping.signal.aborted) return;
      this.#folder.writePrivate("stack.json", `${JSON.stringify(this.info, undefined, 2)}\n`);
    } catch (error) {
      this.#say(
        `The list of processes in ${this.#folder.path} could not be written: ${machineCauseOf(`${error}`) ?? error}`,
      );
    }
  }

  #running(): SupervisorRecord["processes"] {
    return this.#processes.flatMap(({ program, identity }) =>
      identity === undefined ? [] : [{ name: program.name, ...identity }],
    );
  }

  /** What a killed supervisor left running is stopped before anything of this one starts. */
  async #takeOver(): Promise<void> {
    this.#folder.remove("stack.json");
    const left = this.#folder.leftBehind();
    if (left.length === 0) return;
    this.#say(`Taking the place of a stack that was killed; stopping its ${left.map(({ name }) => name).join(", ")}`);
    for (const names of stopOrder) await endAll(left.filter(({ name }) => names.includes(name)));
  }

  async #startPostgres(ports: Ports, { databasePassword }: Secrets): Promise<void> {
    if (!embeddedEngines(process.env).postgres) return;
    const program = await postgresProgram(this.#folder.file("postgres"), ports.postgres, databasePassword);
    await this.#supervise(program).ready(() => postgresAnswers(ports.postgres, databasePassword));
  }

  async #startS3(ports: Ports, { s3AccessKeyId, s3SecretAccessKey }: Secrets): Promise<void> {
    if (!embeddedEngines(process.env).s3) return;
    const credentials = { accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey };
    const program = await seaweedProgram(this.#folder.file("seaweedfs"), ports, credentials, this.#stopping.signal);
    await this.#supervise(program).ready(() => s3Answers(`http://127.0.0.1:${ports.s3}`));
  }

  async #startTemporal(ports: Ports): Promise<Pollers> {
    if (!embeddedEngines(process.env).temporal) {
      const { connectionOptions, namespace } = temporalSettings();
      return await Pollers.connect(connectionOptions, namespace).catch((error: unknown) => {
        throw new StackError(
          `Temporal at ${connectionOptions.address} does not answer for the namespace ${namespace} (${error}). ` +
            "Does it run, and are TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE right?",
        );
      });
    }
    const connection = temporalConnection(ports);
    const program = await temporalProgram(this.#folder.file("temporal.sqlite"), ports, this.#stopping.signal);
    await this.#supervise(program).ready(() => temporalAnswers(connection));
    return Pollers.connect(connection, "default");
  }

  async #startGpuWorkers(env: NodeJS.ProcessEnv, pollers: Pollers): Promise<void> {
    const numbers = Array.from({ length: this.#settings.GPU_WORKERS }, (_, index) => index + 1);
    await Promise.all(
      numbers.map((number) => {
        const program = projectProgram("gpu-worker", "gpu-worker/main.ts", env, WORKER_STOP_MS);
        return this.#startPolling({ ...program, logName: `gpu-worker-${number}` }, GPU_QUEUE, pollers);
      }),
    );
  }

  async #startWorker(env: NodeJS.ProcessEnv, pollers: Pollers): Promise<void> {
    await this.#startPolling(
      projectProgram("worker", "activities/main.ts", env, WORKER_STOP_MS),
      CONTROL_QUEUE,
      pollers,
    );
  }

  async #startPolling(program: Program, queue: string, pollers: Pollers): Promise<void> {
    const worker = this.#supervise(program);
    await worker.ready(async () => worker.identity !== undefined && pollers.includes(queue, worker.identity.pid));
  }

  async #startApi(env: NodeJS.ProcessEnv, address: string): Promise<void> {
    const api = this.#supervise(projectProgram("api", "api/main.ts", env, API_STOP_MS));
    await api.ready(() => isOk(`http://${address}/ready`));
  }

  #supervise(program: Program): Supervised {
    this.#stopping.signal.throwIfAborted();
    const supervised = new Supervised(program, this.#folder.file("logs"), this);
    this.#processes.push(supervised);
    this.changed();
    return supervised;
  }

  /** A process of the project that has to succeed once. */
  async #runToEnd(what: string, script: string, env: NodeJS.ProcessEnv): Promise<void> {
    const { signal } = this.#stopping;
    signal.throwIfAborted();
    const { code, output } = await runProgram(process.execPath, [path.join(root, script)], { env, signal });
    signal.throwIfAborted();
    if (code === 0) return;
    const log = readableLog(output);
    const cause = machineCauseOf(log);
    throw new StackError(
      `${what} failed${cause === undefined ? "" : `: ${cause}`}. Its last lines:\n${lastLines(log)}`,
    );
  }
}

/** Each row is stopped together, after the row before it. */
const stopOrder = [["api"], ["worker", "gpu-worker"], ["postgres", "temporal", "s3"]];

function projectProgram(name: string, script: string, env: NodeJS.ProcessEnv, stopWithinMs: number): Program {
  return { name, command: process.execPath, args: [path.join(root, script)], env, stopWithinMs };
}

function addressesOf({ databaseUrl, temporalAddress, temporalUiUrl, s3 }: ServiceSettings, api: string) {
  const { forcePathStyle: _, ...storage } = s3;
  return {
    graphqlUrl: `http://${api}/graphql`,
    wsUrl: `ws://${api}/graphql`,
    temporalUiUrl: temporalUiUrl ?? null,
    temporalAddress,
    databaseUrl,
    s3: storage,
  };
}

function self(): ProcessIdentity {
  return identify(process.pid) ?? { pid: process.pid, started: "" };
}

/** Asks another supervisor's processes to end, and kills those that have not within `TAKE_OVER_MS`. */
async function endAll(processes: SupervisorRecord["processes"]): Promise<void> {
  for (const { name, pid } of processes.filter(isRunning))
    process.kill(pid, name === "postgres" ? "SIGINT" : "SIGTERM");
  const deadline = performance.now() + TAKE_OVER_MS;
  while (processes.some(isRunning)) {
    if (performance.now() > deadline) for (const { pid } of processes.filter(isRunning)) killGroup(pid);
    await pause(25);
  }
}

async function isOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
