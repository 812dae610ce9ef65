import * as z from "zod";
import { createLog } from "../service/log.ts";
import { runProcess } from "../service/main.ts";
import { readSettings } from "../service/settings.ts";
import { migrate } from "./migrations.ts";

const log = createLog("migrate");

await runProcess(log, async () => {
  const { DATABASE_URL } = readSettings(
    z.object({
      DATABASE_URL: z.url({
        protocol: /^postgres(ql)?$/,
        error: "must be postgresql://user:password@host:port/database",
      }),
    }),
  );
  const ran = await migrate(DATABASE_URL);
  log.info({ ran }, ran.length > 0 ? "schema migrated" : "schema is up to date");
});
