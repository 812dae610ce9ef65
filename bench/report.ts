/** A table for people: at most about 100 characters wide. */
export interface Table {
  title: string;
  columns: string[];
  /** One cell a column; empty ones at the end may be left out. The first column is aligned left, the others right. */
  rows: string[][];
  /** What one must know to read it. */
  notes?: string[];
}

/** What one benchmark found. */
export interface Report {
  tables: Table[];
  /** The same and more, for the JSON file. */
  results: object;
}

/** What every benchmark is given by the command line. */
export interface BenchSettings {
  /** Runs of each measurement; each benchmark has its own default. */
  runs?: number;
  /** Only these, where a benchmark goes over several. */
  backends?: string[];
  patterns?: string[];
  /** Ends the benchmark early: it cleans up and throws the signal's reason. */
  signal: AbortSignal;
  /** Shows what is going on. */
  progress(text: string): void;
}

export type Benchmark = (settings: BenchSettings) => Promise<Report>;

export function formatTable({ title, columns, rows, notes = [] }: Table): string {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  const rule = widths.map((width) => "─".repeat(width)).join("──");
  return [title, "", line(columns), rule, ...rows.map(line), ...notes.map((note) => `  ${note}`), ""].join("\n");
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

/** A goal, and whether its figure has come up to it. */
export function verdict(goal: string, isReached: boolean): string {
  return `${goal} ${isReached ? "reached" : "missed"}`;
}

export function times(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}
