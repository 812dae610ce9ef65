import { randomBytes } from "node:crypto";
import type { MikroORM } from "@mikro-orm/postgresql";
import { SignJWT } from "jose";
import { apiSettings } from "../../api/settings.ts";
import { type Api, startApi } from "../../api/start-api.ts";
import { createLog } from "../../service/log.ts";
import { readSettings } from "../../service/settings.ts";
import { Client } from "./client.ts";
import { TestDatabase } from "./database.ts";

/** An address at which nothing answers. */
const NOWHERE = "127.0.0.1:1";

/** The API in this process, on a PostgreSQL of its own; S3 is away, and so is Temporal unless its address is given. */
export class TestApi {
  readonly database: TestDatabase;
  readonly #api: Api;
  readonly #secret: Uint8Array;

  private constructor(database: TestDatabase, api: Api, secret: string) {
    this.database = database;
    this.#api = api;
    this.#secret = new TextEncoder().encode(secret);
  }

  /** @param jwksUrl whose keys sign tokens, instead of a secret of its own */
  static async open(temporalAddress = NOWHERE, jwksUrl?: string): Promise<TestApi> {
    const database = await TestDatabase.open();
    const secret = randomBytes(32).toString("hex");
    const settings = readSettings(apiSettings, {
      PORT: "0",
      DATABASE_URL: database.url,
      ...(jwksUrl === undefined ? { JWT_SECRET: secret } : { JWKS_URL: jwksUrl }),
      MAX_ACTIVE_RENDERS: "5",
      S3_BUCKET: "renders",
      S3_ENDPOINT: `http://${NOWHERE}`,
      TEMPORAL_UI_URL: "http://ui.example/",
    });
    const log = createLog("api-test");
    log.level = "silent";
    const temporal = { connectionOptions: { address: temporalAddress }, namespace: "default" };
    return new TestApi(database, await startApi(settings, temporal, log), secret);
  }

  /** The one that the API itself works with. */
  get orm(): MikroORM {
    return this.#api.orm;
  }

  get url(): string {
    return this.#api.server.url;
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
    return this.#api.server.close();
  }

  async close(): Promise<void> {
    await this.#api.close();
    await this.database.close();
  }
}
