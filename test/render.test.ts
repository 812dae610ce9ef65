import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ImageFormat, RenderSpec } from "../images/spec.ts";
import { assertFileIsRight } from "./support/check-file.ts";
import type { Client } from "./support/client.ts";
import { allRgb, MIB, onePerPattern } from "./support/images.ts";
import { TestStack } from "./support/stack.ts";

describe("a render, from the mutation to the downloaded file", () => {
  let stack: TestStack;
  let client: Client;
  before(async () => {
    stack = await TestStack.start();
    client = await stack.client();
  });
  after(() => stack[Symbol.asyncDispose]());

  async function renderAndCheck(spec: RenderSpec, partSize?: number) {
    const started = await client.started({ spec, ...(partSize === undefined ? {} : { partSize }) });
    const render = await client.completed(started.id);
    await assertFileIsRight(render, spec);
    return render;
  }

  const formats: ImageFormat[] = ["BMP24", "BMP32", "PPM", "BIGTIFF"];
  const awkwardSizes: [width: number, height: number][] = [
    [1, 1],
    [1, 2003],
    [2011, 1],
    [641, 479],
  ];
  for (const [name, values] of Object.entries(onePerPattern)) {
    for (const format of formats) {
      it(`${name} as ${format} is right in every byte, 1 × 1, 1 × N, N × 1 and odd × odd`, async () => {
        await Promise.all(
          awkwardSizes.map(([width, height]) =>
            renderAndCheck({ ...allRgb(width, height), pattern: { [name]: values }, format }),
          ),
        );
      });
    }
  }

  it("a BMP from the top row down has a negative height", async () => {
    await renderAndCheck(allRgb(5, 3, { rowOrder: "TOP_DOWN", pixelsPerMetre: 0 }));
  });

  // 54 + 1321 · 3972 bytes: a little more than the smallest part size, and cut within a pixel.
  const byteSize = 54 + 1321 * 3972;
  const aroundOnePart: [title: string, partSize: number, partCount: number][] = [
    ["exactly one part", byteSize, 1],
    ["one byte more than a part, so that the last part is tiny", byteSize - 1, 2],
    ["one byte less than a part", byteSize + 1, 1],
  ];
  for (const [title, partSize, partCount] of aroundOnePart) {
    it(`a file of ${title}`, async () => {
      const render = await renderAndCheck(allRgb(1323, 1321), partSize);
      assert.deepEqual([render.byteSize, render.partSize, render.partCount], [byteSize, partSize, partCount]);
    });
  }

  for (const format of formats) {
    it(`a ${format} of several parts that end anywhere`, async () => {
      const render = await renderAndCheck(allRgb(2777, 2503, { format }), 5 * MIB + 1);
      assert.ok(render.partCount >= 4);
      assert.deepEqual(render.parts, [{ from: 1, to: render.partCount, state: "DONE" }]);
      assert.equal(render.bytesUploaded, render.byteSize);
      assert.match(render.etag ?? "", new RegExp(`^[0-9a-f]{32}-${render.partCount}$`));
    });
  }

  it("tells each change by events without gap from QUEUED to COMPLETED, live and afterwards", async () => {
    const { id } = await client.started({ spec: allRgb(4001, 3001), partSize: 5 * MIB });
    const live = await client.history(id);
    assert.deepEqual(await client.history(id), live);

    assert.deepEqual(
      live.map(({ sequence }) => sequence),
      live.map((_, index) => index + 1),
    );
    const changes = live.filter(({ kind }) => kind === "STATUS").map(({ render }) => render.status);
    assert.deepEqual(changes, ["QUEUED", "RUNNING", "COMPLETED"]);
    for (const [index, { render }] of live.entries()) {
      const previous = live[index - 1]?.render;
      assert.ok(previous === undefined || previous.progress <= render.progress, "progress never goes back");
      assert.equal(render.parts.at(-1)?.to, render.partCount, "the ranges cover every part");
    }
    assert.equal(live.at(0)?.render.progress, 0);
    assert.equal(live.at(-1)?.render.progress, 1);
  });

  it("goes on after any event that a subscriber has", async () => {
    const { id } = await client.started({ spec: allRgb(64, 64) });
    const all = await client.history(id);
    for (const after of all.keys()) {
      assert.deepEqual(await Array.fromAsync(client.events(id, after)), all.slice(after));
    }
    assert.deepEqual(await Array.fromAsync(client.events(id)), all.slice(-1));
  });

  it("leaves no multipart upload behind", async () => {
    assert.deepEqual(await stack.bucket.openUploads(), []);
  });
});
