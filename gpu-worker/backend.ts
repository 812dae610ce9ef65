import { GPU } from "gpu.js";
import { messageOf } from "../service/errors.ts";
import { findAdapter, offerToGpuJs } from "./webgpu.ts";

/** What computes the pixels. */
export type BackendKind = "webgpu" | "webasm" | "cpu";

export const backendChoices = ["auto", "webgpu", "webasm", "cpu"] as const;
export type BackendChoice = (typeof backendChoices)[number];

export interface Backend {
  kind: BackendKind;
  /** For people: "webgpu (nvidia-h200)", "webasm" or "cpu". */
  name: string;
  /** Where `auto` did not take WebGPU: why. */
  note?: string;
}

/**
 * Opens a backend in this thread. `auto` takes a real WebGPU adapter, else WebAssembly, else JavaScript;
 * never an adapter that is itself software, which WebAssembly beats.
 * @throws Error where the backend that was named is not there
 */
export async function openBackend(choice: BackendChoice): Promise<Backend> {
  if (choice === "auto") return await openBest();
  if (choice === "webgpu") return await openWebGpu();
  if (choice === "webasm" && !GPU.isWebAssemblySupported) throw new Error("This Node.js has no WebAssembly.");
  return { kind: choice, name: choice };
}

async function openBest(): Promise<Backend> {
  const kind = GPU.isWebAssemblySupported ? "webasm" : "cpu";
  try {
    const found = await findAdapter();
    const { name, software } = found;
    if (software) return { kind, name: kind, note: `the only WebGPU adapter, ${name}, is software` };
    offerToGpuJs(found);
    return { kind: "webgpu", name: `webgpu (${name})` };
  } catch (error) {
    return { kind, name: kind, note: `no WebGPU: ${messageOf(error)}` };
  }
}

async function openWebGpu(): Promise<Backend> {
  const found = await findAdapter().catch((error: unknown) => {
    throw new Error(
      `WebGPU was asked for, but ${messageOf(error)}. Install the GPU's Vulkan driver ` +
        "(in a container also its `graphics` capability), or choose auto, webasm or cpu.",
    );
  });
  offerToGpuJs(found);
  return { kind: "webgpu", name: `webgpu (${found.name})` };
}
