import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { runProgram } from "./run-program.ts";

const options = [
  "--no-deps",
  "--require-hashes",
  "--only-binary=:all:",
  "--no-compile",
  "--no-input",
  "--retries",
  "2",
];

const environment = {
  PIP_ROOT_USER_ACTION: "ignore",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_USER: "0",
  PIP_REQUIRE_VIRTUALENV: "0",
};

/**
 * Installs what a requirements file pins by hash into a folder, whatever pip's own settings say.
 * @returns as `runProgram`
 */
export function pipInstall(requirements: string, target: string, signal: AbortSignal | undefined) {
  const args = ["-m", "pip", "install", "--target", target, ...options, "-r", requirements];
  return runProgram("python3", args, { env: { ...process.env, ...environment }, signal });
}

/** A short name for what a requirements file pins, which changes with it. */
export async function nameOfPins(requirements: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex")
    .slice(0, 12);
}
