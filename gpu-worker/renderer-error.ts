/** The renderer or its device failed; the next render starts a fresh thread, and may succeed. */
export class RendererError extends Error {
  override name = "RendererError";
}
