import path from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";
import { lastLines, tell } from "../../stack/terminal.mjs";

type DataOf<T extends TestEvent["type"]> = Extract<TestEvent, { type: T }>["data"];

/** A file's output is shown where it failed, and of that its end. */
const SHOWN_LINES = 60;

/** Counts checks and tests, prints one line a file, and failures in full as they come and by name at the end. */
export class Report {
  readonly #root: string;
  readonly #failures: string[] = [];
  readonly #skipped: string[] = [];
  /** Names of the tests that the present one is in, outermost first. */
  #path: string[] = [];
  #passed = 0;
  #passedInFile = 0;
  #failedInFile = 0;
  readonly #output = new Map<string, string>();
  readonly #unfinished: Set<string>;

  /** @param files the test files that are to be run, below `root` */
  constructor(root: string, files: readonly string[]) {
    this.#root = root;
    this.#unfinished = new Set(files.map((file) => path.join(root, file)));
  }

  /** One of the checks before the tests. */
  check(name: string, passed: boolean, output: string): void {
    if (passed) this.#passed++;
    else this.#fail(name, output.trimEnd());
  }

  take({ type, data }: TestEvent): void {
    switch (type) {
      case "test:start":
        this.#path = [...this.#path.slice(0, data.nesting), data.name];
        return;
      case "test:stdout":
      case "test:stderr":
        this.#output.set(data.file, `${this.#output.get(data.file) ?? ""}${data.message}`);
        return;
      case "test:pass":
        this.#pass(data);
        return;
      case "test:fail":
        this.#takeFailure(data);
        return;
      case "test:summary":
        if (data.file !== undefined) this.#endFile(data.file, data.duration_ms);
        return;
    }
  }

  /** Prints the end, whose last line is the count. @returns the exit code */
  end(interrupted: boolean): number {
    for (const file of interrupted ? [] : this.#unfinished) {
      this.#failedInFile++;
      this.#fail(path.relative(this.#root, file), "it ended before its tests did, or has none");
      this.#endFile(file, undefined);
    }
    for (const skipped of this.#skipped) console.log(`skipped: ${skipped}`);
    for (const failure of this.#failures) console.log(`failed: ${failure}`);
    if (interrupted) console.log("interrupted: not every test has run");
    console.log(`${this.#passed} passed, ${this.#failures.length} failed`);
    return this.#failures.length > 0 || interrupted ? 1 : 0;
  }

  #pass({ name, file, skip, details }: DataOf<"test:pass">): void {
    if (details.type === "suite" || name === file) return;
    if (skip) {
      this.#skipped.push(`${this.#nameOf(file)}${typeof skip === "string" ? ` (${skip})` : ""}`);
      return;
    }
    this.#passed++;
    this.#passedInFile++;
  }

  #takeFailure({ name, file, details: { error } }: DataOf<"test:fail">): void {
    if ("failureType" in error && error.failureType === "subtestsFailed") return;
    this.#failedInFile++;
    this.#fail(this.#nameOf(file), inspect(error.cause ?? error));
    if (name === file) this.#endFile(name, undefined);
  }

  #fail(name: string, text: string): void {
    this.#failures.push(name);
    tell(`✖ ${name}\n${text.replace(/^/gm, "    ")}`);
  }

  #endFile(file: string, milliseconds: number | undefined): void {
    const failed = this.#failedInFile === 0 ? "" : `, ${this.#failedInFile} failed`;
    const seconds = milliseconds === undefined ? "crashed" : `${(milliseconds / 1000).toFixed(1)} s`;
    const mark = this.#failedInFile === 0 ? "✔" : "✖";
    tell(`${mark} ${path.relative(this.#root, file)}: ${this.#passedInFile} passed${failed} (${seconds})`);
    const output = this.#output.get(file) ?? "";
    if (this.#failedInFile > 0 && output !== "") tell(`  its output ends:\n${lastLines(output, SHOWN_LINES)}`);
    this.#output.delete(file);
    this.#unfinished.delete(file);
    this.#passedInFile = 0;
    this.#failedInFile = 0;
  }

  #nameOf(file: string | undefined): string {
    const names = this.#path.filter((name) => name !== file);
    return [file === undefined ? "" : path.relative(this.#root, file), ...names].join(" › ");
  }
}
