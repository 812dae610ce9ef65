import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The path of an engine that is on the PATH. */
export function enginePath(name: "temporal" | "weed"): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const path = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (path === undefined) throw new Error(`There is no ${name} on the PATH.`);
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
