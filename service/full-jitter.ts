/**
 * A pause of 1 … `longestMs` milliseconds, drawn at random, so that those who were refused at the same moment do not
 * come back at the same moment: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("full jitter").
 */
export function fullJitter(longestMs: number): number {
  return Math.max(1, Math.ceil(Math.random() * longestMs));
}
