import { stat } from "node:fs/promises";
import path from "node:path";
import { targetOf } from "./replace-file.ts";
import { StackError } from "./stack-error.ts";

/**
 * Checks, before the work begins, that `replaceFile` can write beside the place of `file` and then rename to it.
 * @throws StackError where its folder is not there, where a device or a folder would be replaced, or where symbolic
 * links lead in a circle
 */
export async function checkTarget(file: string): Promise<void> {
  const folder = path.dirname(await targetOf(file));
  if (!(await kindOf(folder))?.isDirectory())
    throw new StackError(`There is no folder ${path.resolve(folder)}; make it first.`);
  const present = await kindOf(file);
  if (present && !present.isFile()) throw new StackError(`${file} is not a plain file; name another one.`);
}

function kindOf(file: string) {
  return stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
}
