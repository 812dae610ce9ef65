import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { runProgram } from "./run-program.ts";

/** Writes a wheel with one module, `sample.py`. */
const MAKE_WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("sample.py", "")
    info = "sample-1.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: sample\\nVersion: 1\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "sample.py,,\\n")
`;

test("pip's own settings change neither whether it installs nor where", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "rasterlift-pip-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const inFolder = (name: string) => path.join(folder, name);
  await runProgram("python3", ["-c", MAKE_WHEEL, inFolder("sample-1-py3-none-any.whl")]);
  const hash = createHash("sha256")
    .update(readFileSync(inFolder("sample-1-py3-none-any.whl")))
    .digest("hex");
  writeFileSync(inFolder("requirements.txt"), `sample==1 --hash=sha256:${hash}\n`);
  writeFileSync(inFolder("pip.conf"), `[install]\nprefix = ${inFolder("elsewhere")}\ndry-run = true\n`);
  const script = `const { pipInstall } = await import(${JSON.stringify(import.meta.resolve("./pip.ts"))});
    console.log((await pipInstall(${JSON.stringify(inFolder("requirements.txt"))}, ${JSON.stringify(inFolder("target"))})).output);`;
  const elsewhere = Object.fromEntries(
    ["PREFIX", "ROOT", "TARGET"].map((name) => [`PIP_${name}`, inFolder("elsewhere")]),
  );
  const { output } = await runProgram(process.execPath, ["--input-type=module", "--eval", script], {
    env: {
      ...process.env,
      ...elsewhere,
      PIP_DRY_RUN: "1",
      PIP_CONFIG_FILE: inFolder("pip.conf"),
      PIP_NO_INDEX: "1",
      PIP_FIND_LINKS: folder,
    },
  });
  assert.deepEqual(readdirSync(inFolder("target")).sort(), ["sample-1.dist-info", "sample.py"], output);
  assert.deepEqual(
    readdirSync(folder).filter((name) => /elsewhere|pip-/.test(name)),
    [],
  );
});
