import type { Log } from "../service/log.ts";
import { runProcess, stopped } from "../service/run-process.ts";
import { readSettings } from "../service/settings.ts";
import { temporalSettings } from "../service/temporal.ts";
import { apiSettings } from "./settings.ts";
import { startApi } from "./start-api.ts";

const USAGE = `Usage: npm run api

The GraphQL server: POST /graphql, WebSocket /graphql (graphql-transport-ws),
GET /health, GET /ready. Run as many of it as you like.
Settings from the environment (default):

  HOST, PORT            where it listens (127.0.0.1, 4000; 0 picks a free port)
  DATABASE_URL          postgresql://user:password@host:port/database
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*
                        where Temporal is (localhost:7233, default)
  TEMPORAL_UI_URL       where people open the Temporal UI, for links to it
  S3_BUCKET, S3_ENDPOINT, S3_FORCE_PATH_STYLE, AWS_REGION, AWS_ACCESS_KEY_ID, …
                        S3, for download links and deletion
  S3_PUBLIC_ENDPOINT    how people reach S3, where not by S3_ENDPOINT
  JWT_SECRET or JWKS_URL, JWT_ISSUER, JWT_AUDIENCE
                        who may call; one of the first two must be set
  MAX_RENDER_BYTES      bytes of one render (64 GiB)
  MAX_ACTIVE_RENDERS    active renders of one user (20)
  RESUME_WINDOW_SECONDS how long a failed render keeps its parts (86400)
`;

async function run(log: Log, stop: AbortSignal): Promise<void> {
  const settings = readSettings(apiSettings);
  const temporal = temporalSettings();
  if (settings.JWKS_URL !== undefined && settings.JWT_AUDIENCE === undefined)
    log.warn(
      "JWT_AUDIENCE is not set: tokens that the identity provider makes for other applications are accepted, too",
    );
  const api = await startApi(settings, temporal, log);
  log.info({ url: api.server.url }, "listening");

  await stopped(stop);
  await api.close();
}

await runProcess({ name: "api", usage: USAGE, run });
