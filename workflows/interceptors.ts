import {
  defaultPayloadConverter,
  type WorkflowInterceptorsFactory,
  type WorkflowInternalsInterceptor,
} from "@temporalio/workflow";

type Interceptor = Required<Pick<WorkflowInternalsInterceptor, "activate" | "concludeActivation">>;
type Command = Parameters<Interceptor["concludeActivation"]>[0]["commands"][number];

/** Takes what is not there out of the memo: nothing changes, but it stands in the history. */
const standsInHistory: Command = {
  modifyWorkflowProperties: { upsertedMemo: { fields: { nothing: defaultPayloadConverter.toPayload(undefined) } } },
};

/**
 * On a replay, the SDK's core (1.24.0) takes a workflow task without commands for a heartbeat and merges it with the
 * next one. The workflow then sees the later clock, and an update comes first, so it may take another way than it did.
 * Therefore each task in which something happened emits a command, if only one that changes nothing.
 */
class TasksThatStand implements Interceptor {
  #happened = false;

  activate: Interceptor["activate"] = (input, next) => {
    this.#happened ||= (input.activation.jobs ?? []).some((job) => !job.doUpdate && !job.queryWorkflow);
    next(input);
  };

  concludeActivation: Interceptor["concludeActivation"] = (input, next) => {
    const { commands } = next(input);
    const stands = !this.#happened || commands.some((command) => !command.updateResponse?.rejected);
    this.#happened = false;
    return { commands: stands ? commands : [...commands, standsInHistory] };
  };
}

export const interceptors: WorkflowInterceptorsFactory = () => ({ internals: [new TasksThatStand()] });
