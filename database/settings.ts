import * as z from "zod";

/** The settings of whoever opens the database. */
export const databaseSettings = z.object({
  DATABASE_URL: z.url({
    protocol: /^postgres(ql)?$/,
    error: "must be postgresql://user:password@host:port/database",
  }),
});
