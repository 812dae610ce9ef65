import http from "node:http";
import https from "node:https";
import type { S3Answer } from "./s3-answer.ts";

/** One presigned PUT. */
interface PartPut {
  url: string;
  bytes: Uint8Array;
  /** Base64 for Content-MD5: S3 refuses bytes that differ. */
  md5?: string | undefined;
  /** Cuts the connection at once. */
  signal: AbortSignal;
  /** Told the number of bytes that the socket has taken so far. */
  onProgress(bytesSent: number): void;
}

/** The connection broke or stood still; whether the server has the bytes is unknown. */
export class UploadError extends Error {
  override name = "UploadError";
}

export interface Uploader {
  /**
   * Sends the bytes, once, and returns what the server answered, whatever that is.
   * @throws UploadError, or the signal's reason once it aborts
   */
  put(part: PartPut): Promise<S3Answer>;
  close(): void;
}

/**
 * Written at a time. Less would not show sooner that a slow connection moves: Linux takes more only once a third of what
 * it has taken is gone.
 */
const CHUNK = 256 * 1024;

/** Characters; no error document is longer, and what comes after is not read. */
const ANSWER_LIMIT = 16 * 1024;

/**
 * An idle connection is closed after so long, before a server would close it just when it is used again
 * (https://nodejs.org/api/http.html#requestreusedsocket). One in use is cut by the stall timer alone.
 */
const KEEP_IDLE_MS = 2_000;

/** Puts parts by node:http, which costs the least CPU time a byte, over connections that are kept from part to part. */
export function createUploader({ stallSeconds }: { stallSeconds: number }): Uploader {
  const options = { keepAlive: true, timeout: KEEP_IDLE_MS };
  const agents = { "http:": new http.Agent(options), "https:": new https.Agent(options) };

  function open(url: URL, options: http.RequestOptions): http.ClientRequest {
    return url.protocol === "https:"
      ? https.request(url, { ...options, agent: agents["https:"] })
      : http.request(url, { ...options, agent: agents["http:"] });
  }

  async function put(part: PartPut): Promise<S3Answer> {
    const { signal, bytes, md5 } = part;
    signal.throwIfAborted();
    const headers = { "content-length": bytes.length, ...(md5 && { "content-md5": md5 }) };
    const url = URL.parse(part.url);
    if (!url) throw new UploadError("the part's URL is not a URL");
    const request = open(url, { method: "PUT", headers });
    const cut = () => request.destroy();
    signal.addEventListener("abort", cut, { once: true });
    try {
      const answer = await exchange(request, bytes, part.onProgress, stallSeconds);
      signal.throwIfAborted();
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      throw new UploadError(error instanceof Error ? error.message || error.name : String(error), { cause: error });
    } finally {
      signal.removeEventListener("abort", cut);
    }
  }

  return {
    put,
    close: () => {
      agents["http:"].destroy();
      agents["https:"].destroy();
    },
  };
}

/**
 * The operating system buffers what it has not sent yet, up to 4 MiB on Linux, and does not tell when it has: after the
 * last byte, the answer may therefore take as long as sending took so far.
 */
async function exchange(
  request: http.ClientRequest,
  bytes: Uint8Array,
  onProgress: PartPut["onProgress"],
  stallSeconds: number,
): Promise<S3Answer> {
  const startedAt = performance.now();
  const cutAfter = (seconds: number) => {
    const reason = `nothing moved for ${Math.round(seconds)} s, so it was cut (UPLOAD_STALL_SECONDS)`;
    return setTimeout(() => request.destroy(new Error(reason)), seconds * 1000);
  };
  let stall = cutAfter(stallSeconds);
  try {
    const answered = answerOf(request, () => stall.refresh());
    send(request, bytes, (bytesSent) => {
      stall.refresh();
      onProgress(bytesSent);
      const sendingSeconds = (performance.now() - startedAt) / 1000;
      if (bytesSent < bytes.length || sendingSeconds <= stallSeconds) return;
      clearTimeout(stall);
      stall = cutAfter(sendingSeconds);
    });
    return await answered;
  } finally {
    clearTimeout(stall);
  }
}

/** Writes chunk by chunk, each once the socket has taken the one before; a broken connection ends it. */
function send(request: http.ClientRequest, bytes: Uint8Array, onProgress: (bytesSent: number) => void): void {
  let sent = 0;
  const next = (error?: Error | null) => {
    if (error || request.destroyed) return;
    onProgress(sent);
    const chunk = bytes.subarray(sent, sent + CHUNK);
    sent += chunk.length;
    if (chunk.length > 0) request.write(chunk, next);
    else request.end();
  };
  next();
}

/**
 * The answer. Its headers say whether S3 has the part, its body only explains an error: one that breaks off after the
 * headers is an answer too. `onHeaders` is called when the body begins to be waited for.
 */
function answerOf(request: http.ClientRequest, onHeaders: () => void): Promise<S3Answer> {
  return new Promise((resolve, reject) => {
    let end: (error?: Error) => void = reject;
    request.on("error", (error) => end(error));
    request.on("close", () => end(new Error("it was closed without an answer")));
    request.on("response", (response) => {
      onHeaders();
      let body = "";
      end = () => resolve({ status: response.statusCode ?? 0, etag: response.headers.etag, body });
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
        if (body.length >= ANSWER_LIMIT) request.destroy();
      });
      response.on("error", end);
      response.on("end", () => {
        if (request.writableFinished) end();
        else request.destroy();
      });
    });
  });
}
