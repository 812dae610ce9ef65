import { TestWorkflowEnvironment } from "@temporalio/testing";
import { findEngine } from "../../stack/engines.ts";

/** A Temporal server of a test's own, the same program as the stack's, with nothing in it. */
export async function startTemporal(extraArgs: string[] = []): Promise<TestWorkflowEnvironment> {
  const { command } = await findEngine("temporal");
  const executable = { type: "existing-path", path: command } as const;
  return await TestWorkflowEnvironment.createLocal({ server: { executable, extraArgs } });
}
