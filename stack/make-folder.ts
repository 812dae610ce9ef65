import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";

/**
 * Makes a folder and what is missing above it, one by one: mkdirSync's `recursive` tries forever
 * where the folder above is there but makes none, as in /proc.
 */
export function makeFolder(folder: string, mode?: number): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder), mode);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    if (!existsSync(folder)) throw error; // else another process was faster
  }
}
