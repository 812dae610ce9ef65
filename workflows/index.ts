/** What the control worker's workflow bundle holds. */
export { interceptors } from "./interceptors.ts";
export { janitor } from "./janitor.ts";
export { renderImage } from "./render-image.ts";
