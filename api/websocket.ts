import type { Server } from "node:http";
import { GraphQLError, type GraphQLSchema, getOperationAST, specifiedRules, validate } from "graphql";
import { CloseCode, makeServer, type Context as ProtocolContext } from "graphql-ws";
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

/** What there is once the token was accepted. */
interface Admission {
  viewer: Viewer;
  /** The ids of operations that were asked for and have not answered yet. */
  starting: Set<string>;
  tokenCheck?: NodeJS.Timeout;
}

type Params = { authorization?: unknown };
type Extra = Connection & { admission?: Admission };

/** A client's connection, from its opening to its end. */
type Session = ProtocolContext<Params, Extra>;

/** Serves GraphQL over WebSocket (graphql-transport-ws) with the same schema, limits and masking as over HTTP. */
export function serveWebSocket(
  httpServer: Server,
  path: string,
  schema: GraphQLSchema,
  authenticate: Authenticate,
  services: Services,
) {
  const { log } = services;
  const sessionsOfViewer = new Map<string, Set<Session>>();

  /** Closes the socket when its token expires, or is found to be refused meanwhile. */
  function watchToken(session: Session, admission: Admission): void {
    const { expiresAt } = admission.viewer;
    const next = Math.min(expiresAt - Date.now(), CHECK_TOKEN_MS);
    admission.tokenCheck = setTimeout(async () => {
      if (Date.now() >= expiresAt) return close(session, closeCodes.tokenRefused, "Token expired");
      if ((await admit(session, authenticate, log)) && isOpen(session)) watchToken(session, admission);
    }, next);
  }

  const protocol = makeServer<Params, Extra>({
    async onConnect(session) {
      const viewer = await admit(session, authenticate, log);
      if (!viewer || !isOpen(session)) return false;
      const sessions = sessionsOfViewer.get(viewer.id) ?? new Set();
      if (sessions.size >= MAX_SOCKETS_OF_VIEWER) return close(session, closeCodes.tooManySockets, "Too many sockets");
      sessionsOfViewer.set(viewer.id, sessions.add(session));
      session.extra.admission = { viewer, starting: new Set() };
      watchToken(session, session.extra.admission);
      return true;
    },
    onClose(session) {
      const { admission } = session.extra;
      if (!admission) return;
      clearTimeout(admission.tokenCheck);
      const { id } = admission.viewer;
      const sessions = sessionsOfViewer.get(id);
      sessions?.delete(session);
      if (sessions?.size === 0) sessionsOfViewer.delete(id);
    },
    onSubscribe(session, id, { query, variables, operationName }) {
      const { admission } = session.extra;
      if (!admission) return [new GraphQLError("This socket has no viewer.")];
      const { viewer, starting } = admission;
      const refusal = refusalOf(session, id, sessionsOfViewer.get(viewer.id) ?? []);
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
    onOperation: (session, id) => void session.extra.admission?.starting.delete(id),
    onError: (_session, _id, _payload, errors) => errors.map((error) => publicError(log, error)),
    onNext: (_session, _id, _payload, _args, { data = null, errors }) => ({
      data,
      ...(errors ? { errors: errors.map((error) => publicError(log, error)) } : {}),
    }),
  });
  return serveSockets(httpServer, path, protocol, log);
}

/** Why another operation of that id is not taken, whatever it is; where the client broke a rule, its socket closes. */
function refusalOf(session: Session, id: string, sessionsOfViewer: Iterable<Session>): GraphQLError | undefined {
  if (id.length > LONGEST_OPERATION_ID) {
    close(session, CloseCode.BadRequest, `An operation's id has at most ${LONGEST_OPERATION_ID} characters`);
    return new GraphQLError("The operation's id is too long.");
  }
  // graphql-ws frees an id on Complete while its operation may still be starting; used again, one of the two is lost.
  if (session.extra.admission?.starting.has(id)) {
    close(session, CloseCode.SubscriberAlreadyExists, "Subscriber already exists");
    return new GraphQLError(`The operation ${id} is still being started.`);
  }
  const ofViewer = [...sessionsOfViewer].reduce((sum, one) => sum + operationsUnderWay(one), 0);
  if (operationsUnderWay(session) <= MAX_OPERATIONS_OF_SOCKET && ofViewer <= MAX_OPERATIONS_OF_VIEWER) return undefined;
  const message =
    `A socket may have ${MAX_OPERATIONS_OF_SOCKET} operations under way, ` +
    `and all of a user's sockets together ${MAX_OPERATIONS_OF_VIEWER}; end one first.`;
  return new GraphQLError(message, { extensions: { code: "TOO_MANY_OPERATIONS" } });
}

function isOpen({ extra: { socket } }: Session): boolean {
  return socket.readyState === WebSocket.OPEN;
}

function operationsUnderWay({ subscriptions, extra: { admission } }: Session): number {
  return new Set([...Object.keys(subscriptions), ...(admission?.starting ?? [])]).size;
}

async function admit(session: Session, authenticate: Authenticate, log: Log): Promise<Viewer | false> {
  const given = session.connectionParams?.authorization ?? session.extra.request.headers.authorization;
  if (typeof given !== "string")
    return close(session, closeCodes.tokenMissing, "Token missing: connectionParams.authorization, Bearer TOKEN");
  try {
    return await authenticate(given);
  } catch (error) {
    if (isUnauthenticated(error)) return close(session, closeCodes.tokenRefused, error.message);
    if (!(error instanceof GraphQLError)) log.error({ err: error }, "a token could not be checked");
    return close(session, closeCodes.tryAgainLater, "The token cannot be checked now");
  }
}

function close({ extra: { socket } }: Session, code: number, reason: string): false {
  socket.close(code, Buffer.from(reason).subarray(0, LONGEST_REASON).toString());
  return false;
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  error.extensions["code"] ??= code;
  return error;
}
