import { GraphQLError } from "graphql";
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { atMostEvery, type Log } from "../service/log.ts";
import { cannotAuthenticate, unauthenticated } from "./errors.ts";
import { keysOfProvider } from "./key-set.ts";
import type { ApiSettings } from "./settings.ts";

/** Who calls: the token's subject, until the token's expiry (milliseconds since the epoch). */
export interface Viewer {
  id: string;
  expiresAt: number;
}

/**
 * @param authorization the header's value, "Bearer …"
 * @throws GraphQLError UNAUTHENTICATED, or SERVICE_UNAVAILABLE where the identity provider does not give its keys
 */
export type Authenticate = (authorization: string | undefined) => Promise<Viewer>;

/** Logs what is wrong with the identity provider. */
type SayFault = (error: unknown, what: string) => void;

type AuthSettings = Pick<ApiSettings, "JWT_SECRET" | "JWKS_URL" | "JWT_ISSUER" | "JWT_AUDIENCE">;

const BEARER = /^Bearer +(\S+)$/i;
const CLOCK_TOLERANCE_SECONDS = 5;

/** Whoever sends invented tokens while the identity provider is away does not fill the log. */
const QUIET_MS = 10_000;

/** Printable and short enough for a NOTIFY payload (8,000 bytes). */
export const USER_ID = /^[^\p{Cc}\p{Cs}]{1,255}$/u;

/** Accepts JSON Web Tokens with `sub` and `exp`, signed with the shared secret or by a key of the key set. */
export function createAuthenticate(settings: AuthSettings, log: Log): Authenticate {
  const seldom = atMostEvery(QUIET_MS);
  const sayFault: SayFault = (err, what) => seldom(() => log.error({ err }, what));
  const verify = verifier(settings, sayFault);
  return async (authorization) => {
    if (!authorization) throw unauthenticated("This needs a token: send the header Authorization: Bearer TOKEN.");
    const token = BEARER.exec(authorization)?.[1];
    if (!token) throw unauthenticated("The Authorization header must be: Bearer TOKEN.");
    const { sub, exp = 0 } = await verify(token).catch((error: unknown) => refuse(error, sayFault));
    if (typeof sub !== "string" || !USER_ID.test(sub))
      throw unauthenticated("The token's subject (sub) must have 1 to 255 printable characters.");
    return { id: sub, expiresAt: (exp + CLOCK_TOLERANCE_SECONDS) * 1000 };
  };
}

function verifier({ JWT_SECRET, JWKS_URL, JWT_ISSUER, JWT_AUDIENCE }: AuthSettings, sayFault: SayFault) {
  const options = {
    requiredClaims: ["sub", "exp"],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    ...(JWT_ISSUER === undefined ? {} : { issuer: JWT_ISSUER }),
    ...(JWT_AUDIENCE === undefined ? {} : { audience: JWT_AUDIENCE }),
  };
  const secret = new TextEncoder().encode(JWT_SECRET);
  const keys: JWTVerifyGetKey = JWKS_URL === undefined ? () => secret : keysOfProvider(JWKS_URL, sayFault);
  const algorithms = JWKS_URL === undefined ? ["HS256"] : ["RS256", "PS256", "ES256", "ES384", "EdDSA"];
  return async (token: string): Promise<JWTPayload> =>
    (await jwtVerify(token, keys, { ...options, algorithms })).payload;
}

function refuse(error: unknown, sayFault: SayFault): never {
  if (error instanceof errors.JWTExpired) throw unauthenticated("The token has expired: sign in again.");
  if (error instanceof errors.JOSEError) throw unauthenticated(`The token is not accepted: ${error.message}.`);
  if (error instanceof GraphQLError) throw error;
  sayFault(error, "the identity provider's key that a token names cannot be used");
  throw cannotAuthenticate("The token cannot be checked: the identity provider's key that it names cannot be used.");
}
