import { HeaderMap } from "@apollo/server";
import { GraphQLError } from "graphql";

/** An argument that no user error of the schema covers; the message says its range. */
export function badUserInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" } });
}

export function notFound(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "NOT_FOUND" } });
}

/** Something that the API needs is away; asking again later is safe. */
export function serviceUnavailable(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "SERVICE_UNAVAILABLE" } });
}

/** Nobody can tell now whether a token is good; over HTTP it makes the status 503. */
export function cannotAuthenticate(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "SERVICE_UNAVAILABLE", http: { status: 503 } } });
}

/** No token, or one that is not accepted; over HTTP it makes the status 401 (RFC 6750). */
export function unauthenticated(message: string): GraphQLError {
  const headers = new HeaderMap([["www-authenticate", "Bearer"]]);
  return new GraphQLError(message, { extensions: { code: "UNAUTHENTICATED", http: { status: 401, headers } } });
}

export function isUnauthenticated(error: unknown): error is GraphQLError {
  return error instanceof GraphQLError && error.extensions["code"] === "UNAUTHENTICATED";
}
