import { once } from "node:events";
import { Client, Connection } from "@temporalio/client";
import { connect } from "../database/connect.ts";
import { createLog } from "../service/log.ts";
import { runProcess } from "../service/main.ts";
import { readSettings } from "../service/settings.ts";
import { temporalSettings } from "../service/temporal.ts";
import { Storage } from "../storage/storage.ts";
import { createAuthenticate } from "./auth.ts";
import { EventFeed } from "./event-feed.ts";
import { RenderWorkflows } from "./render-workflows.ts";
import { startServer } from "./server.ts";
import { apiSettings } from "./settings.ts";

const log = createLog("api");

await runProcess(log, async (stop) => {
  const settings = readSettings(apiSettings);
  const { connectionOptions, namespace } = temporalSettings();
  const temporal = Connection.lazy(connectionOptions);
  const storage = new Storage(settings);
  const orm = await connect(settings.DATABASE_URL);
  const feed = new EventFeed(settings.DATABASE_URL, log);
  const server = await startServer({ host: settings.HOST, port: settings.PORT }, createAuthenticate(settings), {
    em: () => orm.em.fork(),
    workflows: new RenderWorkflows(new Client({ connection: temporal, namespace }), settings, log),
    storage,
    feed,
    settings,
    log,
  });
  log.info({ url: server.url }, "listening");

  if (!stop.aborted) await once(stop, "abort");
  await server.close();
  await feed.close();
  await orm.close();
  await temporal.close();
  storage.close();
});
