import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findEngine } from "./engines.ts";
import type { Ports } from "./ports.ts";
import type { Program } from "./supervised.ts";

/** What the embedded S3 server lets in. */
export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

/** Volumes are files that grow up to this size; as many are made as the disk has room for. */
const VOLUME_MEBIBYTES = 1024;

/** SeaweedFS with its S3 API on 127.0.0.1, everything else it can do switched off or bound to 127.0.0.1 too. */
export async function seaweedProgram(
  folder: string,
  ports: Ports,
  credentials: S3Credentials,
  signal?: AbortSignal,
): Promise<Program> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const configFile = path.join(folder, "s3.json");
  const identity = {
    name: "rasterlift",
    credentials: [{ accessKey: credentials.accessKeyId, secretKey: credentials.secretAccessKey }],
    actions: ["Admin", "Read", "Write", "List", "Tagging"],
  };
  writeFileSync(configFile, JSON.stringify({ identities: [identity] }), { mode: 0o600 });
  // `weed mini` keeps its last options there, ports included, and reads them again.
  rmSync(path.join(folder, "mini.options"), { force: true });
  return {
    name: "s3",
    ...(await findEngine("weed", signal)),
    args: [
      ...["-logtostderr=true", "mini", `-dir=${folder}`, "-ip=127.0.0.1", "-ip.bind=127.0.0.1"],
      ...[`-master.port=${ports.s3Master}`, `-master.port.grpc=${ports.s3MasterGrpc}`, "-master.telemetry=false"],
      `-master.volumeSizeLimitMB=${VOLUME_MEBIBYTES}`,
      ...[`-volume.port=${ports.s3Volume}`, `-volume.port.grpc=${ports.s3VolumeGrpc}`, "-volume.max=0"],
      // The filer's HTTP would give and take files without credentials.
      ...[`-filer.port=${ports.s3Filer}`, `-filer.port.grpc=${ports.s3FilerGrpc}`, "-disableHttp=true"],
      ...[`-s3.port=${ports.s3}`, `-s3.port.grpc=${ports.s3Grpc}`, `-s3.config=${configFile}`],
      ...["-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"],
      ...[`-admin.port=${ports.s3Admin}`, `-admin.port.grpc=${ports.s3AdminGrpc}`, "-admin.ui=false", "-webdav=false"],
    ],
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      TZ: process.env["TZ"],
      // Volumes are opened so many at a time. With one, everybody waits for about a second whenever it is full.
      WEED_MASTER_VOLUME_GROWTH_COPY_1: "4",
    },
    stopWithinMs: 5_000, // its volume server, stopped last, may wait for minutes for connections that nobody uses
  };
}

/** Whether an HTTP server answers there, with whatever status. */
export async function s3Answers(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(1_000) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
