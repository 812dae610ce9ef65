import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

/** What a file of the project imports, and what the files do that it names, threads' too. */
function importsOf(file: string, files = new Set<string>(), packages = new Set<string>()) {
  if (files.has(file)) return { files, packages };
  files.add(file);
  const text = readFileSync(file, "utf8");
  for (const [, name = ""] of text.matchAll(/"(\.\.?\/[^"]+\.ts)"/g))
    importsOf(path.resolve(file, "..", name), files, packages);
  for (const [, name = ""] of text.matchAll(/(?:from |import\()"([^."][^"\n]*)"/g)) packages.add(name);
  return { files, packages };
}

test("the GPU worker imports neither an S3 nor a database client", () => {
  const { files, packages } = importsOf(path.join(import.meta.dirname, "main.ts"));
  for (const name of ["renderer-thread.ts", "../service/settings.ts", "../images/plan.ts"])
    assert.ok(files.has(path.join(import.meta.dirname, name)), name);
  assert.ok(packages.has("gpu.js"));
  assert.deepEqual(
    [...packages].filter((name) => /^(@aws-sdk|@smithy|@mikro-orm|pg|kysely)(\/|-|$)/.test(name)),
    [],
  );
});
