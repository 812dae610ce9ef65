import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { nameOfPins, pipInstall } from "../../stack/pip.ts";
import { lastLines } from "../../stack/terminal.mjs";

const cache = path.resolve(import.meta.dirname, "../../.cache");

/**
 * Installs what a requirements file pins by hash, once, for everybody who asks.
 * @returns the folder, for PYTHONPATH
 * @throws Error with the last thing that pip said
 */
export async function installWithPip(requirements: string, signal?: AbortSignal): Promise<string> {
  const folder = path.join(cache, `python-${await nameOfPins(requirements)}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished-${process.pid}`;
  try {
    const { code, output } = await pipInstall(requirements, unfinished, signal);
    signal?.throwIfAborted();
    if (code === undefined) throw new Error("python3 is not on the PATH");
    if (code !== 0) throw new Error(lastLines(output, 1));
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}
