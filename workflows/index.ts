/** What the control worker's workflow bundle holds. */
export { janitor } from "./janitor.ts";
export { renderImage } from "./render-image.ts";
