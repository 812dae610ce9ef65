import { SignJWT } from "jose";
import * as z from "zod";
import { jwtSecret, readSettings } from "../service/settings.ts";
import type { DataFolder } from "./data-folder.ts";
import { StackError } from "./stack-error.ts";

const tokenSettings = z.object({
  JWT_SECRET: jwtSecret.optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWKS_URL: z.string().optional(),
});

/**
 * A bearer token for the API of the embedded stack in that folder, which may start later.
 * @throws StackError or SettingsError where it could not be one
 * @param expires when: "30m", "12h", "7d", ...
 */
export async function signToken(folder: DataFolder, user: string, expires: string): Promise<string> {
  const { JWT_SECRET, JWT_ISSUER, JWT_AUDIENCE, JWKS_URL } = readSettings(tokenSettings);
  if (JWKS_URL && !JWT_SECRET) {
    throw new StackError("JWKS_URL is set: the API takes tokens of that identity provider, and only it can sign them.");
  }
  const token = new SignJWT().setProtectedHeader({ alg: "HS256" }).setSubject(user).setIssuedAt();
  if (JWT_ISSUER) token.setIssuer(JWT_ISSUER);
  if (JWT_AUDIENCE) token.setAudience(JWT_AUDIENCE);
  return await token
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(JWT_SECRET ?? folder.secrets().jwtSecret));
}
