import { once } from "node:events";
import { parseArgs } from "node:util";
import { runCommand } from "./command.ts";
import { startStack } from "./stack.ts";
import { tell } from "./terminal.mjs";

const USAGE = `Usage: npm start

Starts the embedded stack in the foreground: PostgreSQL, Temporal with its UI,
an S3 server, and the API, the worker and the GPU workers. Ctrl-C or SIGTERM
stops it in order; the next start goes on with unfinished renders.
Settings from the environment (default):

  RASTERLIFT_DATA   the data folder (.data); its stack.json has every address
  HOST, PORT        where the API listens (127.0.0.1, 4000; 0 picks a free port)
  GPU_WORKERS       GPU worker processes (1)
  DATABASE_URL, TEMPORAL_ADDRESS, S3_ENDPOINT
                    given, that service is used instead of an embedded one

and those of the processes it starts: npm run api -- --help, and so on for
worker and gpu-worker. JWT_SECRET is made at random where it is not given.
`;

await runCommand(USAGE, async (stop) => {
  parseArgs({ options: {} });
  const started = performance.now();
  const stack = await startStack({ signal: stop, say: tell });
  const { info } = stack;
  console.log(`GraphQL      ${info.graphqlUrl}
WebSocket    ${info.wsUrl}
Temporal UI  ${info.temporalUiUrl ?? "none configured (TEMPORAL_UI_URL)"}
S3           ${info.s3.endpoint} bucket ${info.s3.bucket}
Data, logs   ${stack.dataFolder}
Token        ${process.env["JWKS_URL"] ? "from the identity provider (JWKS_URL)" : "npm run token -- --user NAME"}
ready after ${((performance.now() - started) / 1000).toFixed(1)} s; Ctrl-C stops everything`);
  if (!stop.aborted) await once(stop, "abort");
  await stack.stop();
  return 0;
});
