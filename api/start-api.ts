import type { MikroORM } from "@mikro-orm/postgresql";
import { connect, disconnect } from "../database/connect.ts";
import type { Log } from "../service/log.ts";
import type { TemporalSettings } from "../service/temporal.ts";
import { Storage } from "../storage/storage.ts";
import { createAuthenticate } from "./auth.ts";
import { EventFeed } from "./event-feed.ts";
import { LimitByKey } from "./limit-by-key.ts";
import { RenderWorkflows } from "./render-workflows.ts";
import { type ApiServer, startServer } from "./server.ts";
import type { ApiSettings } from "./settings.ts";
import { TemporalClient } from "./temporal-client.ts";

/** Lists and events of one viewer that are read at once, of the 20 connections that all share. */
const READS_OF_VIEWER = 4;

export interface Api {
  server: ApiServer;
  orm: MikroORM;
  /** Closes the server first, then what its requests were answered with. */
  close(): Promise<void>;
}

/**
 * The server with all that it needs; PostgreSQL, Temporal and S3 may be away.
 * @throws SettingsError where it cannot listen
 */
export async function startApi(settings: ApiSettings, temporal: TemporalSettings, log: Log): Promise<Api> {
  const client = new TemporalClient(temporal);
  const storage = new Storage(settings);
  const orm = await connect(settings.DATABASE_URL);
  const notify = (channel: string) => orm.em.getConnection().execute("select pg_notify(?, '')", [channel]);
  const feed = new EventFeed(settings.DATABASE_URL, notify, log);
  const server = await startServer({ host: settings.HOST, port: settings.PORT }, createAuthenticate(settings, log), {
    em: () => orm.em.fork(),
    workflows: new RenderWorkflows(client, settings, log),
    storage,
    feed,
    reads: new LimitByKey(READS_OF_VIEWER),
    links: new LimitByKey(1),
    settings,
    log,
  });
  return {
    server,
    orm,
    close: async () => {
      await server.close();
      await feed.close();
      await disconnect(orm);
      await client.close();
      storage.close();
    },
  };
}
