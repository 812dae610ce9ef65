import type { RequestHandler } from "express";
import { hasSchema } from "../database/schema.ts";
import type { Services } from "./context.ts";

const ANSWER_WITHIN_MS = 2_000;

const LACKS_SCHEMA = "postgresql lacks this version's schema (npm run migrate)";

/** `GET /health`: the process is up. */
export const health: RequestHandler = (_request, response) => {
  response.json({ status: "ok" });
};

/** `GET /ready`: PostgreSQL, with this version's schema, and Temporal answer; 503 with the reason otherwise. */
export function ready({ em, workflows, log }: Services): RequestHandler {
  return async (_request, response) => {
    const checks = {
      postgresql: within(ANSWER_WITHIN_MS, hasSchema(em())).then((has) => (has ? [] : [LACKS_SCHEMA])),
      temporal: workflows.ping(ANSWER_WITHIN_MS).then(() => []),
    };
    const reasons = await Promise.all(
      Object.entries(checks).map(([name, check]) =>
        check.catch((err: unknown) => {
          log.warn({ err }, `${name} is not ready`);
          return [`${name} is not available (the log says why)`];
        }),
      ),
    );
    const reason = reasons.flat().join("; ");
    if (reason) response.status(503).json({ status: "unavailable", reason });
    else response.json({ status: "ready" });
  };
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  return await Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
