import { createHash } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { runProgram } from "./run-program.ts";

const options = [
  "--no-deps",
  "--require-hashes",
  "--only-binary=:all:",
  "--no-compile",
  "--no-input",
  "--prefix=",
  "--root=/",
  "--retries",
  "2",
];

const environment = {
  PIP_ROOT_USER_ACTION: "ignore",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_DRY_RUN: "0",
  PIP_USER: "0",
  PIP_REQUIRE_VIRTUALENV: "0",
};

/**
 * Installs what a requirements file pins by hash into a folder, whatever pip's own settings say. What pip downloads is
 * kept beside the folder meanwhile.
 * @returns as `runProgram`
 */
export async function pipInstall(requirements: string, target: string, signal: AbortSignal | undefined) {
  const args = ["-m", "pip", "install", "--target", target, ...options, "-r", requirements];
  const TMPDIR = path.join(path.dirname(target), `pip-${path.basename(target)}`);
  await mkdir(TMPDIR, { recursive: true });
  try {
    return await runProgram("python3", args, { env: { ...process.env, ...environment, TMPDIR }, signal });
  } finally {
    await rm(TMPDIR, { recursive: true, force: true });
  }
}

/** A short name for what a requirements file pins, which changes with it. */
export async function nameOfPins(requirements: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex")
    .slice(0, 12);
}
