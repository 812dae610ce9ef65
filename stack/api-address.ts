import { isIPv6 } from "node:net";
import { hasCode, messageOf } from "../service/errors.ts";
import { tryPort } from "./ports.ts";
import { StackError } from "./stack-error.ts";

const ANOTHER_PORT = "Give the API another one with PORT=NUMBER, or any free one with PORT=0.";

/**
 * Whether an API that listens on that host and port can be used.
 * @returns `host:port` by which this machine reaches it
 * @throws StackError where it cannot listen there, or nobody would connect
 */
export async function checkApiAddress(host: string, port: number): Promise<string> {
  await tryPort(port, host).catch((error: unknown) => {
    if (hasCode(error, "EADDRINUSE")) throw new StackError(`Port ${port} is in use. ${ANOTHER_PORT}`);
    throw new StackError(
      `The API cannot listen there (${messageOf(error)}). Give it another address with HOST and PORT.`,
    );
  });
  const address = `${reachableHost(host)}:${port}`;
  if (!(await isBlocked(address))) return address;
  throw new StackError(`Browsers and other clients refuse to connect to port ${port}. ${ANOTHER_PORT}`);
}

/** How this machine reaches a server that listens on `host`. */
function reachableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return isIPv6(host) ? `[${host}]` : host;
}

/** Whether fetch refuses the address, where nobody listens, for its port: https://fetch.spec.whatwg.org/#port-blocking */
async function isBlocked(address: string): Promise<boolean> {
  const refusal = await fetch(`http://${address}`).catch((error: unknown) => error);
  return refusal instanceof Error && refusal.cause instanceof Error && refusal.cause.message === "bad port";
}
