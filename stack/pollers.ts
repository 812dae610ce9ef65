import { Connection, type ConnectionOptions } from "@temporalio/client";
import { pollersOf } from "../service/pollers.ts";

/** Asks Temporal who polls a task queue. */
export class Pollers {
  readonly #connection: Connection;
  readonly #namespace: string;

  private constructor(connection: Connection, namespace: string) {
    this.#connection = connection;
    this.#namespace = namespace;
  }

  /** @throws where no Temporal answers, or it has no such namespace */
  static async connect(options: ConnectionOptions, namespace: string): Promise<Pollers> {
    const connection = await Connection.connect(options);
    await connection.workflowService.describeNamespace({ namespace });
    return new Pollers(connection, namespace);
  }

  /** Whether the process `pid` polls for activities of the queue; workers are named `... PID@HOST ...`. */
  async includes(queue: string, pid: number): Promise<boolean> {
    const identities = await pollersOf(this.#connection.workflowService, this.#namespace, queue);
    return identities.some((identity) => identity.split(" ").some((word) => word.startsWith(`${pid}@`)));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
