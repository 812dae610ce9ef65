import type { KernelThread } from "../pattern.ts";

/** The kernel of the patterns that have few colours: the column's number plus the row's is an index into the table. */
export function lookUp(this: KernelThread, columns: number[], rows: number[], table: number[]): number {
  return table[(columns[this.thread.x] as number) + (rows[this.thread.y] as number)] as number;
}
