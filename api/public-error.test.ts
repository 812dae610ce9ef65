import assert from "node:assert/strict";
import { test } from "node:test";
import { GraphQLError } from "graphql";
import { pino } from "pino";
import { StorageError } from "../storage/answers.ts";
import { badUserInput, unauthenticated } from "./errors.ts";
import { publicError } from "./public-error.ts";

function logged() {
  const lines: string[] = [];
  return { lines, log: pino({ name: "test" }, { write: (line: string) => void lines.push(line) }) };
}

test("errors for the caller are shown as they are, without what is for the server alone", () => {
  const { log, lines } = logged();
  assert.deepEqual(publicError(log, badUserInput("first is 0")), {
    message: "first is 0",
    extensions: { code: "BAD_USER_INPUT" },
  });
  const located = new GraphQLError("located", { path: ["a", 0], originalError: unauthenticated("who?") });
  assert.deepEqual(publicError(log, located), {
    message: "located",
    path: ["a", 0],
    extensions: { code: "UNAUTHENTICATED" },
  });
  assert.deepEqual(lines, []);
});

test("anything else is masked, and the log has it under the id that the caller gets", () => {
  const { log, lines } = logged();
  const secret = new Error("password=hunter2");
  for (const error of [secret, new GraphQLError(secret.message, { path: ["renders"], originalError: secret })]) {
    const { message, extensions, ...rest } = publicError(log, error);
    assert.equal(extensions?.["code"], "INTERNAL_SERVER_ERROR");
    assert.doesNotMatch(JSON.stringify({ message, extensions, rest }), /hunter2|stack/);
    const line = lines.at(-1) ?? "";
    assert.match(line, /hunter2/);
    assert.ok(line.includes(String(extensions?.["errorId"])) && message.includes(String(extensions?.["errorId"])));
  }
});

test("storage that is away for a moment is worth another try, one that refuses is our fault", () => {
  const codeOf = (error: Error) => publicError(logged().log, error).extensions?.["code"];
  assert.equal(codeOf(new StorageError("retry", "CredentialsRefused", "away")), "SERVICE_UNAVAILABLE");
  assert.equal(codeOf(new StorageError("slow-down", "SlowDown", "away")), "SERVICE_UNAVAILABLE");
  assert.equal(codeOf(new StorageError("refused", "AccessDenied", "refused")), "INTERNAL_SERVER_ERROR");
});
