import { type FileHandle, open, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { hasCode, messageOf } from "../service/errors.ts";
import { StackError } from "./stack-error.ts";
import { machineCauseOf } from "./terminal.mjs";

/**
 * Has a file written beside the one of that name, and renames it at the end, so that no partial file ever stands under
 * the name. A symbolic link stays one, and a file that is there already keeps its permissions, and its owner where root
 * replaces it: nobody else may give files away.
 */
export async function replaceFile<T>(file: string, write: (handle: FileHandle) => Promise<T>): Promise<T> {
  const present = await stat(file).catch(() => undefined);
  const target = await targetOf(file);
  const partial = partialOf(target);
  const handle = await open(partial, "wx", present?.mode);
  try {
    const result = await write(handle);
    if (present && process.getuid?.() === 0) await handle.chown(present.uid, present.gid);
    if (present) await handle.chmod(present.mode); // what the umask took
    await rename(partial, target);
    return result;
  } finally {
    await handle.close();
    await rm(partial, { force: true });
  }
}

/** What a person can do something about, where a file could not be written. */
export function notWritten(file: string, error: unknown): StackError {
  const message = messageOf(error);
  return new StackError(`${file} cannot be written: ${machineCauseOf(message) ?? message}.`);
}

/** The file that is written beside a target. */
export const partialOf = (target: string) => `${target}.${process.pid}.partial`;

/**
 * The file that is made or replaced where `file` is written: what its symbolic links lead to, which may be missing.
 * @throws StackError where they lead in a circle
 */
export async function targetOf(file: string): Promise<string> {
  const present = await realpath(file).catch((error: unknown) => {
    if (!hasCode(error, "ELOOP")) return undefined;
    throw new StackError(`The symbolic links at ${file} lead in a circle; name another file.`);
  });
  if (present !== undefined) return present;
  const next = await readlink(file).catch(() => undefined);
  if (next === undefined) return file;
  // Not path.join: it would take ".." away together with a folder that may be a link itself.
  return targetOf(path.isAbsolute(next) ? next : `${path.dirname(file)}/${next}`);
}
