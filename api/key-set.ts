import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from "jose";
import * as z from "zod";
import { cannotAuthenticate } from "./errors.ts";

/** While the identity provider does not give its keys, those that it gave last are used for so long. */
const LAST_KEYS_MS = 60 * 60_000;

/** An identity provider that has failed is left alone for so long. */
const REST_MS = 5_000;

/** Errors that mean that no key of the set fits the token; any other is the provider's. */
const refusals = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

/** A set without keys is a fault, too: it would have every token refused. */
const keySetText = z
  .string()
  .transform((text) => JSON.parse(text))
  .pipe(z.object({ keys: z.array(z.object({ kty: z.string() })).min(1) }));

/**
 * The keys that an identity provider publishes at a URL as a JSON Web Key Set (RFC 7517). jose fetches it again after ten
 * minutes, and for a key that it does not have, but not within half a minute of the last time.
 * @param sayFault logs what is wrong with the provider
 * @returns what throws the GraphQLError SERVICE_UNAVAILABLE where the provider does not give the keys
 */
export function keysOfProvider(url: string, sayFault: (error: unknown, what: string) => void): JWTVerifyGetKey {
  const say = (error: unknown) => sayFault(error, "the identity provider (JWKS_URL) does not give its keys");
  const keySet = createRemoteJWKSet(new URL(url), { [customFetch]: patientFetch(say) });
  return async (...token) => {
    try {
      return await keySet(...token).catch(async (error: unknown) => {
        if (isRefusal(error) || keySet.coolingDown) throw error;
        await keySet.reload(); // a key that cannot be read may have been mended meanwhile
        return await keySet(...token);
      });
    } catch (error) {
      if (isRefusal(error)) throw error;
      say(error);
      throw cannotAuthenticate("The token cannot be checked now: the identity provider does not give its keys.");
    }
  };
}

function isRefusal(error: unknown): boolean {
  return refusals.some((refusal) => error instanceof refusal);
}

/** Fetches a key set, and bears with a provider that fails. */
function patientFetch(say: (error: unknown) => void): FetchImplementation {
  let last: { keys: string; until: number } | undefined;
  let failure: { error: unknown; until: number } | undefined;
  return async (url, options) => {
    const now = Date.now();
    if (failure && now < failure.until) throw failure.error;
    try {
      const keys = await fetchKeys(url, options);
      last = { keys, until: now + LAST_KEYS_MS };
    } catch (error) {
      if (!last || now > last.until) {
        failure = { error, until: now + REST_MS };
        throw error;
      }
      say(error);
    }
    return new Response(last.keys);
  };
}

async function fetchKeys(...[url, options]: Parameters<FetchImplementation>): Promise<string> {
  const response = await fetch(url, options);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  keySetText.parse(text);
  return text;
}
