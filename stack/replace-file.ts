import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";

/**
 * Has a file written beside the one of that name, and renames it at the end, so that no partial file ever stands under
 * the name. Of a file that is there already, a symbolic link to it and its permissions stay.
 */
export async function replaceFile<T>(file: string, write: (handle: FileHandle) => Promise<T>): Promise<T> {
  const present = await stat(file).catch(() => undefined);
  const target = present ? await realpath(file) : file;
  const partial = `${target}.${process.pid}.partial`;
  const handle = await open(partial, "wx", present?.mode);
  try {
    const result = await write(handle);
    if (present) await handle.chmod(present.mode); // what the umask took
    await rename(partial, target);
    return result;
  } finally {
    await handle.close();
    await rm(partial, { force: true });
  }
}
