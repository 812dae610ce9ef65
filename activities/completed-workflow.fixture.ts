/** Ends at once as a render's workflow does that has made its object. */
export async function renderImage(): Promise<string> {
  return "COMPLETED";
}
