import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { runProgram } from "../../stack/run-program.ts";

test("a file that ends before its tests do has failed", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "rasterlift-report-"));
  const put = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), `import { run, test } from "node:test"; ${text}`);
    return name;
  };
  const names = [
    put("exits.mjs", 'test("one", () => process.exit(0));'),
    put("exits-later.mjs", 'test("one", () => {}); test("two", () => process.exit(0));'),
    put("whole.mjs", 'test("one", () => {});'),
  ];
  const script = `import { Report } from ${JSON.stringify(import.meta.resolve("./report.ts"))};
    const names = ${JSON.stringify(names)}, report = new Report(import.meta.dirname, names);
    const files = names.map((name) => import.meta.dirname + "/" + name);
    for await (const event of run({ files })) report.take(event);
    process.exitCode = report.end(false);`;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // with it, run() would run nothing
  const { code, output } = await runProgram(process.execPath, [path.join(folder, put("run.mjs", script))], { env });
  assert.match(output, /^failed: exits\.mjs\nfailed: exits-later\.mjs\n\d passed, 2 failed$/m);
  assert.equal(code, 1);
  rmSync(folder, { recursive: true });
});
