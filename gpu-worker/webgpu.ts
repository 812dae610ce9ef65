/** A WebGPU adapter that gpu.js can be given. */
export interface FoundAdapter {
  /** Dawn's instance: the adapter dies with it, so whoever uses the adapter holds on to it. */
  gpu: GPU;
  adapter: GPUAdapter;
  /** As the driver names it, e.g. "nvidia-h200". */
  name: string;
  /** Whether it computes on the CPU (llvmpipe, SwiftShader): slower than WebAssembly, good for tests. */
  software: boolean;
}

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|software/i;

/**
 * The best WebGPU adapter of this machine, by Dawn (npm package `webgpu`).
 * @throws Error that says why there is none
 */
export async function findAdapter(): Promise<FoundAdapter> {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no Vulkan, Metal or Direct3D 12 adapter was found");
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  return {
    gpu,
    adapter,
    name: device || description || vendor || "unnamed adapter",
    software: isFallbackAdapter || SOFTWARE.test([vendor, architecture, device, description].join(" ")),
  };
}

/** Gives gpu.js the adapter in the only place it looks: `navigator.gpu`, read when a kernel is first built. */
export function offerToGpuJs({ gpu, adapter }: FoundAdapter): void {
  const watched = {
    limits: adapter.limits,
    requestDevice: async (descriptor: GPUDeviceDescriptor) => watch(await adapter.requestDevice(descriptor)),
  };
  Object.defineProperty(navigator, "gpu", { value: { instance: gpu, requestAdapter: async () => watched } });
}

/** What went wrong first on the one device that gpu.js has in this thread. */
let failure: string | undefined;

function watch(device: GPUDevice): GPUDevice {
  failure = undefined;
  device.addEventListener("uncapturederror", ({ error }) => {
    failure ??= `The GPU failed: ${error.message.split("\n", 1)}`;
  });
  void device.lost.then(({ message }) => {
    failure ??= `The GPU was lost: ${message}`;
  });
  return device;
}

/**
 * What a run of gpu.js on the device results in. gpu.js only logs an error that Dawn reports, and returns what the
 * buffer held before: zeros or another band. Dawn reports it before the buffer can be read.
 * @throws Error that says how the device failed
 */
export async function resultOfDevice<Result>(run: () => Result): Promise<Awaited<Result>> {
  try {
    const result = await run();
    if (failure === undefined) return result;
  } catch (error) {
    if (failure === undefined) throw error;
  }
  const said = failure.replace(/\.$/, "");
  throw new Error(
    `${said}. Each attempt opens it anew; if this lasts, look at its driver and its memory, then retry the render.`,
  );
}
