import assert from "node:assert/strict";
import { test } from "node:test";
import { Relay } from "../test/support/relay.ts";
import { startTemporal } from "../test/support/temporal.ts";
import { waitFor } from "../test/support/wait-for.ts";
import { TemporalClient } from "./temporal-client.ts";

test("finds back to Temporal where its connection was accepted and says nothing", async (t) => {
  const temporal = await startTemporal();
  t.after(() => temporal.teardown());
  await using relay = await Relay.start(Number(new URL(`http://${temporal.address}`).port));
  const client = new TemporalClient({ connectionOptions: { address: relay.address }, namespace: "default" });
  const { namespace } = client;
  const answers = () =>
    client
      .call(Date.now() + 1_000, ({ workflowService }) => workflowService.describeNamespace({ namespace }))
      .then(() => true)
      .catch(() => false);
  relay.server.once("connection", () => setImmediate(() => relay.forget())); // before Temporal could say anything
  assert.equal(await answers(), false);
  await waitFor("an answer of Temporal", answers, 30_000);
  await client.close();
});
