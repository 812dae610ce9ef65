import { access, constants, open, rm, stat } from "node:fs/promises";
import path from "node:path";
import { hasCode } from "../service/errors.ts";
import { notWritten, partialOf, targetOf } from "./replace-file.ts";
import { StackError } from "./stack-error.ts";

/**
 * Checks, before the work begins, that `replaceFile` can write beside the place of `file` and then rename to it.
 * @throws StackError where its folder is not there or takes no file, where a device, a folder or a write-protected file
 * would be replaced, or where symbolic links lead in a circle
 */
export async function checkTarget(file: string): Promise<void> {
  const target = await targetOf(file);
  const folder = path.dirname(target);
  if (!(await kindOf(folder))?.isDirectory())
    throw new StackError(`There is no folder ${path.resolve(folder)}; make it first.`);
  const present = await kindOf(file);
  if (present && !present.isFile()) throw new StackError(`${file} is not a plain file; name another one.`);
  try {
    if (present) await access(target, constants.W_OK); // replacing it would get around that
    await tryFile(partialOf(target));
  } catch (error) {
    throw notWritten(file, error);
  }
}

/** Permissions alone do not say it: root has them in a read-only folder, and in one that makes no files. */
async function tryFile(name: string): Promise<void> {
  await (await open(name, "wx")).close();
  await rm(name);
}

function kindOf(file: string) {
  return stat(file).catch((error: unknown) => {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return undefined;
    throw notWritten(file, error);
  });
}
