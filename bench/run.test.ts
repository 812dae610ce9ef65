import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { runProgram } from "../stack/run-program.ts";

const cases: [string, string[], RegExp][] = [
  ["an unknown benchmark", ["speed"], /There is no benchmark speed; --help names them\./],
  ["a benchmark that every object has", ["toString"], /There is no benchmark toString;/],
  ["no number of runs", ["--runs", "0"], /--runs is 0; it must be a whole number from 1 to 999\./],
  ["an unknown backend", ["render", "--backend", "cuda"], /--backend is cuda; it must be one of webasm, cpu, webgpu\./],
  ["an unknown pattern", ["render", "--pattern", "plaid"], /--pattern is plaid; it must be one of solid, /],
  ["a pattern for another benchmark", ["latency", "--pattern", "noise"], /which is not to run\./],
];

for (const [what, args, message] of cases) {
  test(`says what is wrong with ${what}, and measures nothing`, async () => {
    const script = path.join(import.meta.dirname, "run.ts");
    const { code, output } = await runProgram(process.execPath, [script, ...args], { env: process.env });
    assert.equal(code, 1);
    assert.match(output, message);
    assert.doesNotMatch(output, /^ +at /m);
  });
}
