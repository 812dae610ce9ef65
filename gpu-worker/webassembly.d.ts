/**
 * What the project uses of WebAssembly (https://webassembly.github.io/spec/js-api/): TypeScript has it only in its
 * browser libraries.
 */
declare namespace WebAssembly {
  class Memory {
    /** `initial` is in pages of 65,536 bytes. */
    constructor(descriptor: { initial: number });
    readonly buffer: ArrayBuffer;
  }

  class Module {
    constructor(bytes: Uint8Array);
  }

  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory } });
    readonly exports: Readonly<Record<string, unknown>>;
  }
}
