import * as z from "zod";

/** A setting of the process is missing or wrong; the message names each one and says what it should be. */
export class SettingsError extends Error {
  override name = "SettingsError";
}

/**
 * Reads a process's settings from the environment, once, at its edge. An empty variable counts as absent.
 * @throws SettingsError with one line for each wrong setting
 */
export function readSettings<S extends z.ZodType>(schema: S, env: NodeJS.ProcessEnv = process.env): z.infer<S> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `  ${issue.path.join(".") || "settings"}: ${issue.message}`);
  throw new SettingsError(`Wrong settings (see README.md, "Settings"):\n${lines.join("\n")}`);
}

/**
 * How the content of parts is checked on its way, the same for control and GPU workers. With `none`, ETags need not be
 * MD5s and prove nothing.
 */
export type PartDigest = z.infer<typeof partDigest>;
export const partDigest = oneOf(["md5", "none"]).default("md5");

/** What HS256 tokens are signed with. */
export const jwtSecret = z.string().min(32, "must have at least 32 characters (HS256 needs 256 bits)");

/** The largest file that may be rendered, in bytes. */
export const maxRenderBytes = integer(1).default(64 * 2 ** 30);

/** How long a failed render keeps its parts, for whoever may start its workflow: the same for APIs and workers. */
export const resumeWindowSeconds = integer(0, 31_536_000).default(86_400);

/** One of a few words. */
export function oneOf<const C extends string>(choices: readonly C[]) {
  return z.enum(choices, `must be one of ${choices.join(", ")}`);
}

/** A URL of a server; `localhost:8333` alone would be one too, of the scheme `localhost`. */
export function httpUrl(error: string) {
  return z.url({ protocol: /^https?$/, error });
}

/** A whole number given as text, within `minimum` … `maximum`. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  const message = `must be a whole number from ${minimum} to ${maximum}`;
  return z
    .string()
    .regex(/^\d+$/, message)
    .transform(Number)
    .pipe(z.number().min(minimum, message).max(maximum, message));
}
