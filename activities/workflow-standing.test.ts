import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkflowClient } from "@temporalio/client";
import { workflowStanding } from "./workflow-standing.ts";

test("a workflow that somebody has paused in Temporal still takes care of its render", async () => {
  const describe = async () => ({ status: { name: "PAUSED" } }); // the test server cannot pause one
  const client = { getHandle: () => ({ describe }) } as unknown as WorkflowClient;
  assert.equal(await workflowStanding(client, "id"), "running");
});
