import * as z from "zod";
import { databaseSettings } from "../database/settings.ts";
import { httpUrl, integer, jwtSecret, maxRenderBytes, resumeWindowSeconds } from "../service/settings.ts";
import { s3Settings } from "../storage/client.ts";

/** What the API reads from its environment, beside Temporal's usual client settings. */
export const apiSettings = s3Settings
  .extend(databaseSettings.shape)
  .extend({
    HOST: z.string().default("127.0.0.1"),
    PORT: integer(0, 65_535).default(4000),
    JWT_SECRET: jwtSecret.optional(),
    JWKS_URL: httpUrl("must be the URL of a JSON Web Key Set").optional(),
    JWT_ISSUER: z.string().optional(),
    JWT_AUDIENCE: z.string().optional(),
    MAX_RENDER_BYTES: maxRenderBytes,
    MAX_ACTIVE_RENDERS: integer(1, 1_000_000).default(20),
    RESUME_WINDOW_SECONDS: resumeWindowSeconds,
    TEMPORAL_UI_URL: httpUrl("must be the address of the Temporal UI, e.g. http://127.0.0.1:8233").optional(),
  })
  .refine((settings) => (settings.JWT_SECRET === undefined) !== (settings.JWKS_URL === undefined), {
    path: ["JWT_SECRET"],
    when: () => true, // also where others are wrong, so that all are named at once
    error:
      "set exactly one of JWT_SECRET (HS256, at least 32 characters) and JWKS_URL (the identity provider's key set); " +
      "without one nobody can be told apart. `npm start` makes a secret by itself",
  });

export type ApiSettings = z.infer<typeof apiSettings>;
