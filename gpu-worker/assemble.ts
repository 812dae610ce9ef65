// Makes packer.wasm of packer.wat: npx node gpu-worker/assemble.ts
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import loadWabt from "wabt";

const SOURCE = path.join(import.meta.dirname, "packer.wat");

/** The bytes of packer.wasm, as packer.wat has them. */
export async function assemblePacker(): Promise<Uint8Array> {
  const { parseWat } = await loadWabt();
  return parseWat(SOURCE, readFileSync(SOURCE, "utf8")).toBinary({}).buffer;
}

if (import.meta.main) writeFileSync(path.join(import.meta.dirname, "packer.wasm"), await assemblePacker());
