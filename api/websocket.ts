import type { Server } from "node:http";
import { GraphQLError, type GraphQLSchema, getOperationAST, specifiedRules, validate } from "graphql";
import { CloseCode, makeServer, type Context as SocketContext } from "graphql-ws";
import { WebSocket } from "ws";
import type { Log } from "../service/log.ts";
import type { Authenticate, Viewer } from "./auth.ts";
import type { Services } from "./context.ts";
import { parsed } from "./document.ts";
import { isUnauthenticated } from "./errors.ts";
import { limitOperation } from "./limits.ts";
import { publicError } from "./public-error.ts";
import { conditionalSubscription } from "./refused-subscriptions.ts";
import { type Connection, serveSockets } from "./sockets.ts";
import { wrongVariables } from "./variables.ts";

const MAX_OPERATIONS_OF_SOCKET = 100;
const MAX_OPERATIONS_OF_VIEWER = 500;
const MAX_SOCKETS_OF_VIEWER = 100;
/** Characters: each answer repeats it. A UUID has 36. */
const LONGEST_OPERATION_ID = 256;
/** Bytes: 123 are allowed (https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1), and a cut character may take two more. */
const LONGEST_REASON = 120;
/** The token of an open socket is checked again so often: its key may have been withdrawn. */
const CHECK_TOKEN_MS = 5 * 60_000;

/**
 * Close codes: 4401 where there is no token (final for a client), 4403 where it is refused or has expired (a client
 * connects again with a fresh one), 4429 where the viewer has too many sockets (final), 1013 where the token cannot be
 * checked now.
 */
const closeCodes = { tokenMissing: 4401, tokenRefused: 4403, tooManySockets: 4429, tryAgainLater: 1013 };

/** `starting`: the ids of operations that were asked for and have not answered yet. */
type SocketExtra = Connection & { viewer?: Viewer; tokenCheck?: NodeJS.Timeout; starting?: Set<string> };
type Socket = SocketContext<{ authorization?: unknown }, SocketExtra>;

/** Serves GraphQL over WebSocket (graphql-transport-ws) with the same schema, limits and masking as over HTTP. */
export function serveWebSocket(
  httpServer: Server,
  path: string,
  schema: GraphQLSchema,
  authenticate: Authenticate,
  services: Services,
) {
  const { log } = services;
  const socketsOfViewer = new Map<string, Set<Socket>>();

  /** Closes the socket when its token expires, or is found to be refused meanwhile. */
  function watchToken(socket: Socket, expiresAt: number): void {
    const next = Math.min(expiresAt - Date.now(), CHECK_TOKEN_MS);
    socket.extra.tokenCheck = setTimeout(async () => {
      if (Date.now() >= expiresAt) return close(socket, closeCodes.tokenRefused, "Token expired");
      if ((await admit(socket, authenticate, log)) && isOpen(socket)) watchToken(socket, expiresAt);
    }, next);
  }

  const protocol = makeServer<{ authorization?: unknown }, SocketExtra>({
    async onConnect(socket) {
      const viewer = await admit(socket, authenticate, log);
      if (!viewer || !isOpen(socket)) return false;
      const sockets = socketsOfViewer.get(viewer.id) ?? new Set();
      if (sockets.size >= MAX_SOCKETS_OF_VIEWER) return close(socket, closeCodes.tooManySockets, "Too many sockets");
      socketsOfViewer.set(viewer.id, sockets.add(socket));
      socket.extra.viewer = viewer;
      socket.extra.starting = new Set();
      watchToken(socket, viewer.expiresAt);
      return true;
    },
    onClose(socket) {
      const { viewer, tokenCheck } = socket.extra;
      clearTimeout(tokenCheck);
      if (!viewer) return;
      const sockets = socketsOfViewer.get(viewer.id);
      sockets?.delete(socket);
      if (sockets?.size === 0) socketsOfViewer.delete(viewer.id);
    },
    onSubscribe(socket, id, { query, variables, operationName }) {
      const { viewer, starting } = socket.extra;
      if (!viewer || !starting) return [new GraphQLError("This socket has no viewer.")];
      const refusal = refusalOf(socket, id, socketsOfViewer.get(viewer.id) ?? []);
      if (refusal) return [refusal];
      const document = parsed(query);
      if (document instanceof GraphQLError) return [withCode(document, "GRAPHQL_PARSE_FAILED")];
      const conditional = conditionalSubscription(document);
      if (conditional) return [conditional];
      const errors = validate(schema, document, [...specifiedRules, limitOperation]);
      if (errors.length > 0) return errors.map((error) => withCode(error, "GRAPHQL_VALIDATION_FAILED"));
      const operation = getOperationAST(document, operationName);
      if (!operation) {
        const message = "Say by operationName which one of the document's operations is meant.";
        return [new GraphQLError(message, { extensions: { code: "OPERATION_RESOLUTION_FAILURE" } })];
      }
      const wrong = wrongVariables(schema, operation, variables);
      if (wrong.length > 0) return wrong;
      starting.add(id);
      return {
        schema,
        document,
        variableValues: variables ?? null,
        operationName: operationName ?? null,
        contextValue: { ...services, viewerId: viewer.id },
      };
    },
    onOperation: (socket, id) => void socket.extra.starting?.delete(id),
    onError: (_socket, _id, _payload, errors) => errors.map((error) => publicError(log, error)),
    onNext: (_socket, _id, _payload, _args, { data = null, errors }) => ({
      data,
      ...(errors ? { errors: errors.map((error) => publicError(log, error)) } : {}),
    }),
  });
  return serveSockets(httpServer, path, protocol, log);
}

/** Why another operation of that id is not taken, whatever it is; where the client broke a rule, its socket closes. */
function refusalOf(socket: Socket, id: string, socketsOfViewer: Iterable<Socket>): GraphQLError | undefined {
  if (id.length > LONGEST_OPERATION_ID) {
    close(socket, CloseCode.BadRequest, `An operation's id has at most ${LONGEST_OPERATION_ID} characters`);
    return new GraphQLError("The operation's id is too long.");
  }
  // graphql-ws frees an id on Complete while its operation may still be starting; used again, one of the two is lost.
  if (socket.extra.starting?.has(id)) {
    close(socket, CloseCode.SubscriberAlreadyExists, "Subscriber already exists");
    return new GraphQLError(`The operation ${id} is still being started.`);
  }
  const ofViewer = [...socketsOfViewer].reduce((sum, one) => sum + operationsUnderWay(one), 0);
  if (operationsUnderWay(socket) <= MAX_OPERATIONS_OF_SOCKET && ofViewer <= MAX_OPERATIONS_OF_VIEWER) return undefined;
  const message =
    `A socket may have ${MAX_OPERATIONS_OF_SOCKET} operations under way, ` +
    `and all of a user's sockets together ${MAX_OPERATIONS_OF_VIEWER}; end one first.`;
  return new GraphQLError(message, { extensions: { code: "TOO_MANY_OPERATIONS" } });
}

function isOpen({ extra: { socket } }: Socket): boolean {
  return socket.readyState === WebSocket.OPEN;
}

function operationsUnderWay({ subscriptions, extra: { starting } }: Socket): number {
  return new Set([...Object.keys(subscriptions), ...(starting ?? [])]).size;
}

async function admit(socket: Socket, authenticate: Authenticate, log: Log): Promise<Viewer | false> {
  const given = socket.connectionParams?.authorization ?? socket.extra.request.headers.authorization;
  if (typeof given !== "string")
    return close(socket, closeCodes.tokenMissing, "Token missing: connectionParams.authorization, Bearer TOKEN");
  try {
    return await authenticate(given);
  } catch (error) {
    if (isUnauthenticated(error)) return close(socket, closeCodes.tokenRefused, error.message);
    if (!(error instanceof GraphQLError)) log.error({ err: error }, "a token could not be checked");
    return close(socket, closeCodes.tryAgainLater, "The token cannot be checked now");
  }
}

function close({ extra: { socket } }: Socket, code: number, reason: string): false {
  socket.close(code, Buffer.from(reason).subarray(0, LONGEST_REASON).toString());
  return false;
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  error.extensions["code"] ??= code;
  return error;
}
