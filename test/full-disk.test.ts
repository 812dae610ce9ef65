import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { assertFileIsRight } from "./support/check-file.ts";
import { allRgb, MIB } from "./support/images.ts";
import { ProxiedStack } from "./support/proxied-stack.ts";

const mayMount = process.platform === "linux" && process.getuid?.() === 0;

/** A disk of this size in memory, at a folder of its own. */
function smallDisk(mebibytes: number) {
  const folder = mkdtempSync(path.join(tmpdir(), "rasterlift-test-disk-"));
  const size = (count: number) => `size=${count}m`;
  execFileSync("mount", ["-t", "tmpfs", "-o", size(mebibytes), "tmpfs", folder], { stdio: "ignore" });
  return {
    folder,
    grow: (to: number) => execFileSync("mount", ["-o", `remount,${size(to)}`, folder]),
    [Symbol.dispose]() {
      execFileSync("umount", ["--lazy", folder]);
      rmdirSync(folder);
    },
  };
}

function canMount(): boolean {
  try {
    using _ = smallDisk(1);
    return true;
  } catch {
    return false;
  }
}

describe("a full disk of S3", () => {
  const skip = mayMount && canMount() ? false : "a small disk is a tmpfs, which only root on Linux may mount";

  it("fails the render with what to do; room made, retryRender sends only what is missing", { skip }, async () => {
    using disk = smallDisk(40);
    await using proxied = await ProxiedStack.start({}, disk.folder);
    const client = await proxied.client();
    const spec = allRgb(4579, 4579);
    const { id, partCount } = await client.started({ spec, partSize: 5 * MIB });
    const { failure, partsDone } = await client.until(id, ({ status }) => status === "FAILED");
    assert.ok(partsDone > 0 && partsDone < partCount, `${partsDone} of ${partCount} parts`);
    assert.equal(failure?.code, "S3Unavailable");
    assert.match(failure?.message ?? "", /S3 answered 500 InternalError.*free disk space, then retry the render/);

    disk.grow(400);
    proxied.clear();
    await client.act("retryRender", id);
    await assertFileIsRight(await client.completed(id), spec);
    const sentAgain = proxied.attempts(id, partCount).filter((attempts) => attempts > 0);
    assert.equal(sentAgain.length, partCount - partsDone);
  });
});
