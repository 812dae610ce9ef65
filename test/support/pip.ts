import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const cache = path.resolve(import.meta.dirname, "../../.cache");
const options = [
  "--no-deps",
  "--require-hashes",
  "--only-binary=:all:",
  "--no-input",
  "--quiet",
  "--root-user-action=ignore",
];

/**
 * Installs what a requirements file pins by hash, once, for everybody who asks.
 * @returns the folder, for PYTHONPATH
 * @throws Error that ends in pip's reason
 */
export async function installWithPip(requirements: string, signal?: AbortSignal): Promise<string> {
  const pins = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex")
    .slice(0, 12);
  const folder = path.join(cache, `python-${pins}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished-${process.pid}`;
  const args = ["-m", "pip", "install", "--target", unfinished, ...options, "-r", requirements];
  try {
    await promisify(execFile)("python3", args, { ...(signal && { signal }) });
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

/** What pip said last, of an error of `installWithPip`. */
export function pipReason(error: unknown): string {
  const lines = String(error instanceof Error ? error.message : error)
    .trimEnd()
    .split("\n");
  return lines.at(-1) ?? "";
}
