import { InvalidFieldNameException, TableNotFoundException } from "@mikro-orm/core";
import type { RequestHandler } from "express";
import type { Services } from "./context.ts";

const ANSWER_WITHIN_MS = 2_000;

/** `GET /health`: the process is up. */
export const health: RequestHandler = (_request, response) => {
  response.json({ status: "ok" });
};

/** Works only where the newest migration has run; health.test.ts fails where a newer one is forgotten here. */
export const NEWEST_SCHEMA = "select deletion_asked_at from render limit 0";

/** `GET /ready`: PostgreSQL, with this version's schema, and Temporal answer; 503 with the reason otherwise. */
export function ready({ em, workflows, log }: Services): RequestHandler {
  return async (_request, response) => {
    const checks = {
      postgresql: within(ANSWER_WITHIN_MS, em().execute(NEWEST_SCHEMA)),
      temporal: workflows.ping(ANSWER_WITHIN_MS),
    };
    const reasons = await Promise.all(
      Object.entries(checks).map(([name, check]) =>
        check.then(
          () => [],
          (err: unknown) => {
            log.warn({ err }, `${name} is not ready`);
            const lack = "lacks this version's schema (npm run migrate)";
            return [`${name} ${isOldSchema(err) ? lack : "is not available (the log says why)"}`];
          },
        ),
      ),
    );
    const reason = reasons.flat().join("; ");
    if (reason) response.status(503).json({ status: "unavailable", reason });
    else response.json({ status: "ready" });
  };
}

function isOldSchema(error: unknown): boolean {
  return error instanceof TableNotFoundException || error instanceof InvalidFieldNameException;
}

async function within(ms: number, answer: Promise<unknown>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  await Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
