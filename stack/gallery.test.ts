import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { decode } from "fast-png";
import { patterns } from "../images/patterns/index.ts";
import { referencePixelByteSize, referencePixelBytes } from "../reference/layout.ts";
import { exampleSpec, picturePath } from "./example.ts";

for (const pattern of patterns) {
  test(`docs/patterns.md shows ${pattern.name}'s example, exactly`, async () => {
    const file = picturePath(pattern);
    const page = await readFile(path.join(path.dirname(file), "..", "patterns.md"), "utf8");
    assert.ok(page.includes(`](patterns/${pattern.name}.png)`), `docs/patterns.md has no picture of ${pattern.name}`);
    const spec = exampleSpec(pattern);
    const { width, height, channels, data } = decode(
      await readFile(file).catch(() => assert.fail(`${file} is missing: npm run gallery`)),
    );
    assert.deepEqual({ width, height, channels }, { width: spec.width, height: spec.height, channels: 3 });
    const expected = referencePixelBytes(spec, 0, referencePixelByteSize(spec));
    assert.ok(Buffer.from(data).equals(expected), `${file} is not what the example says now: npm run gallery`);
  });
}
