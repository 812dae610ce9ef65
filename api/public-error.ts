import { randomUUID } from "node:crypto";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { isDatabaseAway } from "../database/connect.ts";
import type { Log } from "../service/log.ts";
import { StorageError } from "../storage/answers.ts";

/** Characters: GraphQL.js quotes what it was given, which may be as large as a request. */
const LONGEST_MESSAGE = 500;

/**
 * What a client sees of an error: GraphQL's own and ours as they are; anything else is logged under an id,
 * and the client gets the id, and whether it was PostgreSQL or S3 that was away.
 */
export function publicError(log: Log, error: unknown): GraphQLFormattedError {
  if (!(error instanceof GraphQLError)) return masked(log, error, {});
  const { message, locations, path, extensions, originalError } = error;
  const place = { ...(locations ? { locations } : {}), ...(path ? { path } : {}) };
  if (originalError && !(originalError instanceof GraphQLError)) return masked(log, originalError, place);
  const { stacktrace: _stacktrace, http: _http, ...shown } = extensions;
  return { message: shortened(message), ...place, extensions: { code: "BAD_USER_INPUT", ...shown } };
}

function shortened(message: string): string {
  return message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE).toWellFormed()} …` : message;
}

function masked(log: Log, error: unknown, place: Omit<GraphQLFormattedError, "message">): GraphQLFormattedError {
  const errorId = randomUUID();
  log.error({ err: error, errorId, path: place.path }, "a resolver failed");
  const away = whatIsAway(error);
  const what = away ? `${away} is not available` : "Something went wrong on our side";
  return {
    message: `${what}. Try again; if it stays, report error ${errorId}.`,
    ...place,
    extensions: { code: away ? "SERVICE_UNAVAILABLE" : "INTERNAL_SERVER_ERROR", errorId },
  };
}

function whatIsAway(error: unknown): string | undefined {
  if (isDatabaseAway(error)) return "The database";
  const isStorageAway = error instanceof StorageError && ["retry", "slow-down"].includes(error.meaning);
  return isStorageAway ? "The storage" : undefined;
}
