import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";

/**
 * Makes a folder and what is missing above it, for the owner only, one by one: mkdirSync's `recursive` tries forever
 * where the folder above is there but makes none, as in /proc.
 */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!existsSync(folder)) throw error; // else another process was faster
  }
}
