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
 * Every workflow task in which something happened leaves a command. The SDK's core takes one that leaves none, and that
 * another follows directly, as an update's may, for a heartbeat: it replays both as one, at the later's time and with
 * the update first, and a workflow that went another way does not replay (SDK 1.24.0).
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
