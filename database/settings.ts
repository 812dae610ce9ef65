import * as z from "zod";

const error = "must be postgresql://user:password@host:port/database";

/** The settings of whoever opens the database. */
export const databaseSettings = z.object({
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error, abort: true })
    .refine((url) => new URL(url).pathname.length > 1, { error }),
});
