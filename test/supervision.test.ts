import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { DataFolder } from "../stack/data-folder.ts";
import { isAlive, isRunning } from "../stack/process-identity.mjs";
import { runProgram } from "../stack/run-program.ts";
import { assertFileIsRight } from "./support/check-file.ts";
import { Client } from "./support/client.ts";
import { allRgb } from "./support/images.ts";
import { TestStack } from "./support/stack.ts";
import { waitFor } from "./support/wait-for.ts";

const script = (name: string) => path.join(import.meta.dirname, "..", "stack", `${name}.ts`);

/** Runs one of the stack's commands as a user does, beside the running stack. */
function command(name: string, args: string[], settings: Record<string, string>) {
  return runProgram(process.execPath, [script(name), ...args], { env: { ...process.env, PORT: "0", ...settings } });
}

/** A demo of a square image on a data folder, and how it ends: its exit code, what it printed, its messages. */
function spawnDemo(folder: string, side: number) {
  const demo = spawn(process.execPath, [script("demo"), "--width", `${side}`, "--height", `${side}`], {
    env: { ...process.env, RASTERLIFT_DATA: folder, PORT: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const end = Promise.all([once(demo, "close"), text(demo.stdout), text(demo.stderr)]);
  return { demo, end };
}

/** What this machine's user may have set for other servers than the embedded ones. */
const foreign = {
  PGSSLMODE: "require",
  PGOPTIONS: "-c role=elsewhere",
  TEMPORAL_API_KEY: "key",
  AWS_PROFILE: "elsewhere",
  AWS_USE_FIPS_ENDPOINT: "true",
  AWS_USE_DUALSTACK_ENDPOINT: "true",
  NODE_USE_ENV_PROXY: "1",
  http_proxy: "http://127.0.0.1:1",
  https_proxy: "http://127.0.0.1:1",
};

describe("the embedded stack", () => {
  let stack: TestStack;
  let configuration: string;
  before(async () => {
    configuration = mkdtempSync(path.join(tmpdir(), "rasterlift-configuration-"));
    mkdirSync(path.join(configuration, "temporalio"));
    writeFileSync(
      path.join(configuration, "temporalio", "temporal.toml"),
      '[profile.default]\naddress = "cloud.example:7233"\napi_key = "key"\n',
    );
    const awsConfig = path.join(configuration, "aws");
    writeFileSync(awsConfig, "[default]\nuse_fips_endpoint = true\n");
    stack = await TestStack.start({
      GPU_WORKERS: "2",
      METRICS_ADDRESS: "of one worker's alone, so none of these may take it",
      ...foreign,
      XDG_CONFIG_HOME: configuration,
      AWS_CONFIG_FILE: awsConfig,
    });
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    rmSync(configuration, { recursive: true });
  });

  it("names its processes in stack.json, which only the owner can read", async () => {
    const { processes } = await stack.readInfo();
    const names = processes.map(({ name }) => name).sort();
    assert.deepEqual(names, ["api", "gpu-worker", "gpu-worker", "postgres", "s3", "temporal", "worker"]);
    for (const { pid } of processes) assert.equal(isAlive(pid), true);
    assert.equal(statSync(path.join(stack.folder, "stack.json")).mode & 0o777, 0o600);
  });

  it("listens on 127.0.0.1 only", { skip: process.platform !== "linux" && "needs /proc" }, async () => {
    const { processes } = await stack.readInfo();
    const addresses = processes.flatMap(({ pid }) => listeningAddresses(pid));
    assert.ok(addresses.length > 10);
    assert.deepEqual([...new Set(addresses)], ["127.0.0.1"]);
  });

  it("gives the GPU worker no credentials", { skip: process.platform !== "linux" && "needs /proc" }, async () => {
    const { s3, databaseUrl } = stack.info;
    const secrets = [s3.accessKeyId, s3.secretAccessKey, databaseUrl, new DataFolder(stack.folder).secrets().jwtSecret];
    for (const pid of await stack.pids("gpu-worker")) {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      for (const secret of secrets) assert.equal(environment.includes(secret), false);
    }
  });

  it("refuses a second start on its folder", async () => {
    const { code, output } = await command("start", [], { RASTERLIFT_DATA: stack.folder });
    assert.equal(code, 1);
    assert.match(output, /A stack already runs on the data folder .* \(process \d+\)\. Stop it first/);
  });

  it("runs beside another one, with no port in common", async () => {
    await using other = await TestStack.start();
    const ports = (info: object) => [...JSON.stringify(info).matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port);
    const taken = ports(stack.info);
    assert.deepEqual(
      ports(other.info).filter((port) => taken.includes(port)),
      [],
    );
  });

  it("starts nothing where the API's port is in use", async () => {
    const port = new URL(stack.info.graphqlUrl).port;
    const folder = path.join(stack.folder, "another");
    const { code, output } = await command("start", [], { RASTERLIFT_DATA: folder, PORT: port });
    assert.equal(code, 1);
    assert.match(output, new RegExp(`Port ${port} is in use\\. .*PORT=0`));
    assert.deepEqual(new DataFolder(folder).leftBehind(), []);
  });

  it("takes tokens from npm run token, alone on standard output", async () => {
    const { output } = await command("token", ["--user", "somebody"], { RASTERLIFT_DATA: stack.folder });
    assert.match(output, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const client = new Client(stack.info, output.trim());
    assert.deepEqual(await client.request("{ viewer { id } }"), { viewer: { id: "somebody" } });
  });

  it("signs no token with a secret that the API refuses", async () => {
    const { code, output } = await command("token", ["--user", "somebody"], { JWT_SECRET: "short" });
    assert.equal(code, 1);
    assert.match(output, /JWT_SECRET: must have at least 32 characters/);
  });

  it("is used and left running by the demo", async () => {
    const file = path.join(stack.folder, "demo.ppm");
    const settings = { ...foreign, RASTERLIFT_DATA: stack.folder };
    const { code, output } = await command("demo", ["--width", "77", "--height", "33", "--out", file], settings);
    assert.equal(code, 0, output);
    assert.match(output, /every byte equals the reference/);
    assert.equal(statSync(file).size, "P6\n77 33\n255\n".length + 77 * 33 * 3);
    for (const { pid } of (await stack.readInfo()).processes) assert.equal(isAlive(pid), true);
  });

  /** A demo of some ten seconds on the stack, whose render runs. */
  async function startDemo() {
    const { demo, end } = spawnDemo(stack.folder, 20_000);
    const client = await stack.client("demo");
    const query = "{ renders(filter: { status: [RUNNING] }) { nodes { id } } }";
    let id: string | undefined;
    await waitFor("the demo's render", async () => {
      const { renders } = await client.request<{ renders: { nodes: { id: string }[] } }>(query);
      id = renders.nodes[0]?.id;
      return id !== undefined;
    });
    return { demo, end, id: id ?? "" };
  }

  it("is rid of the render of a demo that Ctrl-C ends", async () => {
    const { demo, end, id } = await startDemo();
    demo.kill("SIGINT");
    const [[code], output, messages] = await end;
    assert.deepEqual([code, output], [130, ""]);
    assert.match(messages, /Stopping\n$/);
    await (await stack.client("demo")).until(id, ({ status }) => status === "CANCELED");
  });

  it("says to a demo that it stops, which then ends", async () => {
    const { end, id } = await startDemo();
    const stopped = stack.stop();
    const [[code], , messages] = await end;
    assert.equal(code, 1);
    assert.match(messages, /The stack on .* has stopped\. When it starts again \(npm start\), the render goes on\.\n$/);
    assert.doesNotMatch(messages, /^ +at /m);
    await stopped;
    await stack.start();
    await (await stack.client("demo")).act("cancelRender", id);
  });

  it("goes on after its supervisor was killed: the next start takes the place of what is left", async () => {
    const { processes } = await stack.readInfo();
    await stack.killSupervisor();
    for (const { pid } of processes) assert.equal(isAlive(pid), true);

    await stack.start();
    assert.match(stack.output, /Taking the place of a stack that was killed/);
    for (const { pid } of processes) assert.equal(isAlive(pid), false);
  });

  it("keeps its renders and their files over a restart, also on other ports", async () => {
    const client = await stack.client("keeper");
    const spec = allRgb(300, 200);
    const { id } = await client.started({ spec });
    for await (const { render } of client.events(id)) if (render.status === "COMPLETED") break;
    const { databaseUrl, processes } = await stack.readInfo();

    assert.equal(await stack.stop(), 0);
    assert.equal(existsSync(path.join(stack.folder, "stack.json")), false);
    for (const { pid } of processes) assert.equal(isAlive(pid), false);
    const squatter = createServer().listen(Number(new URL(databaseUrl).port), "127.0.0.1");
    await once(squatter, "listening");
    await stack.start();
    squatter.close();

    assert.notEqual(stack.info.databaseUrl, databaseUrl);
    const render = await (await stack.client("keeper")).render(id);
    assert.ok(render);
    await assertFileIsRight(render, spec);
  });

  it("is started once by demos that begin at the same time, also where a crash has left its stack.json", async () => {
    await stack.killAll();
    const settings = { RASTERLIFT_DATA: stack.folder };
    const folder = new DataFolder(stack.folder);
    try {
      const demo = (width: number) => command("demo", ["--keep", "--width", `${width}`, "--height", "64"], settings);
      for (const { code, output } of await Promise.all([64, 65, 66].map(demo))) assert.equal(code, 0, output);
    } finally {
      const supervisor = folder.readRecord()?.supervisor;
      if (supervisor !== undefined && isRunning(supervisor)) process.kill(supervisor.pid, "SIGTERM");
      await waitFor("the end of the stack", () => !folder.isLocked());
    }
  });
});

describe("the stack that a demo starts", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "rasterlift-demos-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("stops with it", async () => {
    const [[code], output, messages] = await spawnDemo(folder, 100).end;
    assert.equal(code, 0, messages);
    assert.match(output, /every byte equals the reference/);
    assert.match(output, /The stack stops now/);
    assert.deepEqual(new DataFolder(folder).leftBehind(), []);
  });

  it("serves other demos meanwhile, which are told that it stops with the first", async () => {
    const first = spawnDemo(folder, 26_754);
    await waitFor("the stack", async () => new DataFolder(folder).readStack() !== undefined);
    const [[code], output, messages] = await spawnDemo(folder, 100).end;
    assert.equal(code, 0, messages);
    assert.match(output, new RegExp(`another demo's \\(process ${first.demo.pid}\\), and stops with it`));

    const last = spawnDemo(folder, 26_754);
    await new Promise<void>((told) => {
      last.demo.stderr.on("data", (chunk) => `${chunk}`.includes("of another demo") && told());
    });
    first.demo.kill("SIGINT");
    assert.equal((await first.end)[0][0], 130);
    const [[failed], , reason] = await last.end;
    assert.equal(failed, 1);
    assert.match(reason, /was another demo's, and has stopped with it\./);
    assert.doesNotMatch(reason, /^ +at /m);
    assert.deepEqual(new DataFolder(folder).leftBehind(), []);
  });
});

/** proc(5): the local addresses of the process's listening sockets, of /proc/PID/net/tcp and tcp6. */
function listeningAddresses(pid: number): string[] {
  const descriptors = readdirSync(`/proc/${pid}/fd`).map((name) => linkOf(`/proc/${pid}/fd/${name}`));
  const inodes = new Set(descriptors.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const rows = ["tcp", "tcp6"].flatMap((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, "utf8").trim().split("\n").slice(1),
  );
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode = ""]) => state === "0A" && inodes.has(inode))
    .map(([, local = ""]) => readableAddress(local));
}

/** "0100007F:1F90": each group of four bytes in the machine's order. */
function readableAddress(local: string): string {
  const [hex = ""] = local.split(":");
  return hex.length === 8 ? [...Buffer.from(hex, "hex").reverse()].join(".") : hex;
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}
