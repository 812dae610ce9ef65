import { once } from "node:events";
import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseS3Request, type S3Request, s3ErrorXml } from "./s3-request.ts";

/** What goes wrong with one request; one that gets no fault is passed on as it is. */
export type Fault =
  /** S3's answer comes from the proxy, once the whole body has come; S3 never hears of the request. */
  | { kind: "answer"; answer: Answer }
  /** Nothing is passed on for so long. */
  | { kind: "delay"; milliseconds: number }
  /** The body passes at this speed. */
  | { kind: "throttle"; bytesPerSecond: number }
  /** No byte of the body is read after this many; the connection stays open. */
  | { kind: "stallBody"; afterBytes: number }
  /** S3 gets the whole request; its answer is held back and the connection stays open. */
  | { kind: "stallAnswer" }
  /** The connection is reset after so many bytes of the body. */
  | { kind: "reset"; afterBytes: number }
  /** One bit of the body changes on the way. */
  | { kind: "flipByte"; at: number }
  /** S3 gets the whole request and answers; then the connection is reset. */
  | { kind: "dropAnswer" }
  /** S3 gets the whole request; the client gets this instead of the answer. */
  | { kind: "rewriteAnswer"; rewrite: (answer: Answer) => Answer };

export interface Answer {
  status: number;
  body: string;
}

/** An error as S3 words it. */
export function s3Error(status: number, code: string): Fault {
  return { kind: "answer", answer: { status, body: s3ErrorXml(code) } };
}

/** One request as it came, with how often this operation on this part or key has come before. */
export interface ProxiedRequest extends S3Request {
  /** 1 for the first. */
  attempt: number;
}

/** A request and what became of it. */
export interface Exchange extends ProxiedRequest {
  fault: Fault["kind"] | undefined;
  /** Bytes of the body that the client has sent so far. */
  bodyBytes: number;
  /** What the client was answered; undefined while it waits, and where the connection broke. */
  status: number | undefined;
  /** On the clock of performance.now(). */
  startedAt: number;
  /** When the client had its answer or the connection broke; undefined until then. */
  endedAt: number | undefined;
}

export type FaultRule = (request: ProxiedRequest) => Fault | undefined;

/**
 * An HTTP proxy between everything of the project and S3. Presigned URLs sign the Host header, so the project's
 * S3_ENDPOINT is the proxy's address, and requests are passed on with their headers unchanged. Bodies are streamed.
 */
export class S3Proxy {
  /** Every request since the start, in the order of arrival. */
  readonly exchanges: Exchange[] = [];
  /** Decides what goes wrong with the requests that come from now on. */
  rule: FaultRule = () => undefined;
  readonly #attempts = new Map<string, number>();
  readonly #server: http.Server;
  readonly #target: URL;

  private constructor(target: URL) {
    this.#target = target;
    this.#server = http.createServer((request, response) => this.#serve(request, response));
  }

  /** @param target S3's own endpoint */
  static async start(target: string): Promise<S3Proxy> {
    const proxy = new S3Proxy(new URL(target));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get endpoint(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** The requests of one operation, optionally of one part only. */
  of(operation: S3Request["operation"], partNumber?: number): Exchange[] {
    return this.exchanges.filter(
      (exchange) =>
        exchange.operation === operation && (partNumber === undefined || exchange.partNumber === partNumber),
    );
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { socket } = request;
    const asked = parseS3Request(request.method ?? "", request.url ?? "");
    const call = `${asked.operation} ${asked.key} ${asked.partNumber}`;
    const attempt = (this.#attempts.get(call) ?? 0) + 1;
    this.#attempts.set(call, attempt);
    const fault = this.rule({ ...asked, attempt });
    const exchange: Exchange = {
      ...asked,
      attempt,
      fault: fault?.kind,
      bodyBytes: 0,
      status: undefined,
      startedAt: performance.now(),
      endedAt: undefined,
    };
    this.exchanges.push(exchange);
    try {
      await this.#handle(request, response, exchange, fault);
      exchange.status = response.statusCode;
    } catch {
      socket.resetAndDestroy();
    } finally {
      exchange.endedAt = performance.now();
    }
  }

  async #handle(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    exchange: Exchange,
    fault: Fault | undefined,
  ): Promise<void> {
    if (fault?.kind === "answer") {
      for await (const chunk of request) exchange.bodyBytes += chunk.length;
      return send(response, fault.answer);
    }
    if (fault?.kind === "delay") await delay(fault.milliseconds);

    const upstream = http.request({
      host: this.#target.hostname,
      port: this.#target.port,
      method: request.method,
      path: request.url,
      headers: request.rawHeaders,
      setHost: false,
      agent: false,
    });
    response.once("close", () => upstream.destroy());
    const body = pipeline(request, (source) => passBody(source, request.socket, exchange, fault), upstream);
    body.catch((error) => upstream.destroy(error));
    const [answer] = (await once(upstream, "response")) as [http.IncomingMessage];

    if (fault?.kind === "stallAnswer") await once(response, "close");
    if (fault?.kind === "stallAnswer" || fault?.kind === "dropAnswer") throw new Error("no answer");
    if (fault?.kind === "rewriteAnswer") {
      return send(response, fault.rewrite({ status: answer.statusCode ?? 0, body: await text(answer) }));
    }
    response.writeHead(answer.statusCode ?? 0, answer.rawHeaders);
    await pipeline(answer, response);
  }
}

function send(response: http.ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { "content-type": "application/xml", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

/** The body's bytes on their way to S3, counted, with the faults that concern them. */
async function* passBody(source: AsyncIterable<Buffer>, socket: Socket, exchange: Exchange, fault: Fault | undefined) {
  const start = performance.now();
  for await (const chunk of source) {
    const before = exchange.bodyBytes;
    exchange.bodyBytes += chunk.length;
    if (fault?.kind === "reset" && exchange.bodyBytes > fault.afterBytes) throw new Error("reset");
    if (fault?.kind === "stallBody" && exchange.bodyBytes > fault.afterBytes) await once(socket, "close");
    if (fault?.kind === "throttle") {
      await delay(
        Math.max(0, Math.ceil(start + (exchange.bodyBytes / fault.bytesPerSecond) * 1000 - performance.now())),
      );
    }
    if (fault?.kind === "flipByte" && fault.at >= before && fault.at < exchange.bodyBytes) {
      const at = fault.at - before;
      chunk.writeUInt8(chunk.readUInt8(at) ^ 1, at);
    }
    yield chunk;
  }
}
