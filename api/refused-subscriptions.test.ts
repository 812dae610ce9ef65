import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, validate } from "graphql";
import { refuseSubscriptions } from "./refused-subscriptions.ts";
import { schema } from "./schema/index.ts";

test("a subscription over HTTP is told where to go", () => {
  const errors = validate(schema, parse("subscription { viewerRenderEvents { sequence } }"), [refuseSubscriptions]);
  assert.match(errors[0]?.message ?? "", /WebSocket/);
  assert.deepEqual(validate(schema, parse("{ viewer { id } }"), [refuseSubscriptions]), []);
});
