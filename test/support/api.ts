import { randomBytes } from "node:crypto";
import type { MikroORM } from "@mikro-orm/postgresql";
import { Connection, Client as TemporalClient } from "@temporalio/client";
import { SignJWT } from "jose";
import { createAuthenticate } from "../../api/auth.ts";
import { EventFeed } from "../../api/event-feed.ts";
import { RenderWorkflows } from "../../api/render-workflows.ts";
import { type ApiServer, startServer } from "../../api/server.ts";
import { apiSettings } from "../../api/settings.ts";
import { connect, disconnect } from "../../database/connect.ts";
import { createLog } from "../../service/log.ts";
import { readSettings } from "../../service/settings.ts";
import { Storage } from "../../storage/storage.ts";
import { Client } from "./client.ts";
import { TestDatabase } from "./database.ts";

/** An address at which nothing answers. */
const NOWHERE = "127.0.0.1:1";

/** The API in this process, on a PostgreSQL of its own; S3 is away, and so is Temporal unless its address is given. */
export class TestApi {
  readonly database: TestDatabase;
  readonly orm: MikroORM;
  readonly #server: ApiServer;
  readonly #secret: Uint8Array;
  readonly #others: { close(): unknown }[];

  private constructor(
    database: TestDatabase,
    orm: MikroORM,
    server: ApiServer,
    secret: string,
    others: { close(): unknown }[],
  ) {
    this.database = database;
    this.orm = orm;
    this.#server = server;
    this.#secret = new TextEncoder().encode(secret);
    this.#others = others;
  }

  /** @param jwksUrl whose keys sign tokens, instead of a secret of its own */
  static async open(temporalAddress = NOWHERE, jwksUrl?: string): Promise<TestApi> {
    const database = await TestDatabase.open();
    const secret = randomBytes(32).toString("hex");
    const settings = readSettings(apiSettings, {
      DATABASE_URL: database.url,
      ...(jwksUrl === undefined ? { JWT_SECRET: secret } : { JWKS_URL: jwksUrl }),
      MAX_ACTIVE_RENDERS: "5",
      S3_BUCKET: "renders",
      S3_ENDPOINT: `http://${NOWHERE}`,
      TEMPORAL_UI_URL: "http://ui.example/",
    });
    const log = createLog("api-test");
    log.level = "silent";
    const orm = await connect(database.url);
    const temporal = Connection.lazy({ address: temporalAddress });
    const feed = new EventFeed(database.url, log);
    const storage = new Storage(settings);
    const server = await startServer({ host: "127.0.0.1", port: 0 }, createAuthenticate(settings, log), {
      em: () => orm.em.fork(),
      workflows: new RenderWorkflows(new TemporalClient({ connection: temporal }), settings, log),
      storage,
      feed,
      settings,
      log,
    });
    return new TestApi(database, orm, server, secret, [feed, { close: () => disconnect(orm) }, temporal, storage]);
  }

  get url(): string {
    return this.#server.url;
  }

  get wsUrl(): string {
    return `${this.url.replace("http", "ws")}/graphql`;
  }

  token(user: string, expires: string | number = "1h"): Promise<string> {
    const jwt = new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject(user).setExpirationTime(expires);
    return jwt.sign(this.#secret);
  }

  async client(user: string): Promise<Client> {
    return new Client({ graphqlUrl: `${this.url}/graphql`, wsUrl: this.wsUrl }, await this.token(user));
  }

  stopServer(): Promise<void> {
    return this.#server.close();
  }

  async close(): Promise<void> {
    await this.stopServer();
    for (const other of this.#others) await other.close();
    await this.database.close();
  }
}
