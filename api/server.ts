import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ApolloServer, type ApolloServerPlugin, HeaderMap } from "@apollo/server";
import { ApolloServerPluginLandingPageDisabled } from "@apollo/server/plugin/disabled";
import { ApolloServerPluginDrainHttpServer } from "@apollo/server/plugin/drainHttpServer";
import { expressMiddleware } from "@as-integrations/express5";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { GraphQLError } from "graphql";
import { messageOf } from "../service/errors.ts";
import type { Log } from "../service/log.ts";
import { SettingsError } from "../service/settings.ts";
import type { Authenticate } from "./auth.ts";
import type { Context, Services } from "./context.ts";
import { MAX_TOKENS, parsed } from "./document.ts";
import { health, ready } from "./health.ts";
import { limitOperation, MAX_REQUEST_BYTES } from "./limits.ts";
import { ownTurn } from "./own-turn.ts";
import { publicError } from "./public-error.ts";
import { conditionalSubscription, refuseSubscriptions } from "./refused-subscriptions.ts";
import { schema } from "./schema/index.ts";
import { wrongVariables } from "./variables.ts";
import { serveWebSocket } from "./websocket.ts";

const PATH = "/graphql";
const DRAIN_MS = 10_000;
/** A client that reads nothing of its answer for so long, twice, is cut off; longer than any answer takes to begin. */
const UNREAD_MS = 60_000;

export interface ApiServer {
  /** `http://host:port` */
  url: string;
  /** Sockets are closed with 1001 (clients connect again elsewhere), requests under way finish. */
  close(): Promise<void>;
}

/**
 * Serves GraphQL over HTTP and WebSocket, and the health checks, on one port; port 0 picks a free one.
 * @throws SettingsError where it cannot listen there
 */
export async function startServer(
  { host, port }: { host: string; port: number },
  authenticate: Authenticate,
  services: Services,
): Promise<ApiServer> {
  const app = express().disable("x-powered-by");
  const http = createServer(
    {
      ...{ requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 65_000 },
      // Clients may offer HTTP/2, too, and are answered in HTTP/1.1.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
    },
    app,
  );
  http.setTimeout(UNREAD_MS);
  const apollo = new ApolloServer<Context>({
    schema,
    validationRules: [limitOperation, refuseSubscriptions],
    parseOptions: { maxTokens: MAX_TOKENS },
    persistedQueries: false,
    introspection: true,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    formatError: (_formatted, error) => publicError(services.log, error),
    logger: services.log,
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginDrainHttpServer({ httpServer: http, stopGracePeriodMillis: DRAIN_MS }),
      refuseWrongVariables(services.log),
      { serverWillStart: async () => ({ drainServer: async () => sockets.dispose() }) },
    ],
  });
  await apollo.start();

  app.get("/health", health);
  app.get("/ready", ready(services));
  app.post(
    PATH,
    express.json({ limit: MAX_REQUEST_BYTES }),
    expressMiddleware(apollo, {
      context: async ({ req }) => {
        const { id } = await authenticate(req.headers.authorization);
        await ownTurn(); // to parse and validate in
        refuseConditionalSubscription(req.body);
        return { ...services, viewerId: id };
      },
    }),
  );
  app.all(PATH, onlyPost);
  app.use(nothingThere);
  app.use(bodyRefused);

  const { port: actual } = await listen(http, host, port);
  const sockets = serveWebSocket(http, PATH, schema, authenticate, services);
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${actual}`, close: () => apollo.stop() };
}

/** GraphQL.js itself throws here instead of refusing, which Apollo would report as our fault. */
function refuseConditionalSubscription({ query }: { query?: unknown } = {}): void {
  if (typeof query !== "string" || !query.includes("subscription")) return;
  const document = parsed(query);
  if (document instanceof GraphQLError) return; // Apollo says why
  const refusal = conditionalSubscription(document);
  if (refusal) throw refusal;
}

/** Before GraphQL.js says it at length. */
function refuseWrongVariables(log: Log): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      responseForOperation: async ({ operation, request: { variables } }) => {
        const errors = wrongVariables(schema, operation, variables).map((error) => publicError(log, error));
        if (errors.length === 0) return null;
        return {
          http: { status: 400, headers: new HeaderMap() },
          body: { kind: "single", singleResult: { errors } },
        };
      },
    }),
  };
}

async function listen(http: Server, host: string, port: number): Promise<AddressInfo> {
  http.listen(port, host);
  await once(http, "listening").catch((error: unknown) => {
    throw new SettingsError(`The API cannot start: ${messageOf(error)}. Give it a free address with HOST and PORT.`);
  });
  return http.address() as AddressInfo;
}

const onlyPost: RequestHandler = (_request, response) => {
  const message = "GraphQL is asked by POST, and subscribed to over WebSocket.";
  response.status(405).set("allow", "POST");
  response.json({ errors: [{ message, extensions: { code: "BAD_REQUEST" } }] });
};

const nothingThere: RequestHandler = ({ method }, response) => {
  const message = `There is nothing to ${method} here. GraphQL is at ${PATH}.`;
  response.status(404).json({ errors: [{ message, extensions: { code: "NOT_FOUND" } }] });
};

/** Answers a body that is no JSON, or too large, as GraphQL answers. */
const bodyRefused: ErrorRequestHandler = (error, _request, response, next) => {
  if (!isHttpError(error)) return next(error);
  const message =
    error.status === 413
      ? `The request's body is larger than ${MAX_REQUEST_BYTES} bytes.`
      : `The request's body is no JSON that can be read: ${error.message}.`;
  response.status(error.status).json({ errors: [{ message, extensions: { code: "BAD_REQUEST" } }] });
};

function isHttpError(error: unknown): error is Error & { status: number } {
  return error instanceof Error && "status" in error && typeof error.status === "number";
}
