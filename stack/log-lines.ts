import * as z from "zod";

const entry = z.object({ msg: z.string().optional(), err: z.object({ message: z.string() }).optional() });

/** A log as a person reads it: of a JSON line its message and its error, any other line as it is. */
export function readableLog(log: string): string {
  return log.trimEnd().split("\n").map(readableLine).join("\n");
}

function readableLine(line: string): string {
  if (!line.startsWith("{")) return line;
  const parsed = entry.safeParse(parseJson(line));
  if (!parsed.success) return line;
  const { msg, err } = parsed.data;
  return [...new Set([msg, err?.message])].filter((part) => part !== undefined).join(": ") || line;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
