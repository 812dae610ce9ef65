import { stat } from "node:fs/promises";
import path from "node:path";
import { StackError } from "./stack-error.ts";

/**
 * Checks, before the work begins, that `file` can be written beside its place and then renamed to it.
 * @throws StackError where its folder is not there, or where a device or a folder would be replaced
 */
export async function checkTarget(file: string): Promise<void> {
  const folder = path.dirname(path.resolve(file));
  if (!(await kindOf(folder))?.isDirectory()) throw new StackError(`There is no folder ${folder}; make it first.`);
  const present = await kindOf(file);
  if (present && !present.isFile()) throw new StackError(`${file} is not a plain file; name another one.`);
}

function kindOf(file: string) {
  return stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
}
