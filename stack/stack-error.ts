/**
 * What keeps the stack from working, in words for the person who started it: what was asked, what is wrong, what to do.
 */
export class StackError extends Error {
  override name = "StackError";
}
