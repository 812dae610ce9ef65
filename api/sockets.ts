import type { Server as HttpServer, IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { CloseCode, handleProtocols, type Server as Protocol } from "graphql-ws";
import { WebSocket, WebSocketServer } from "ws";
import type { Log } from "../service/log.ts";
import { MAX_REQUEST_BYTES } from "./limits.ts";

/** A client that has not answered the last ping by the next one is gone. */
const PING_EVERY_MS = 12_000;

/** A client that leaves more than this unread is cut off before it is sent more. */
const MAX_UNREAD_BYTES = 8 * 2 ** 20;
const MAX_UNREAD_MESSAGES = 1_000;

/** A client's connection: its socket, and the HTTP request that became it. */
export interface Connection {
  socket: WebSocket;
  request: IncomingMessage;
}

/**
 * Has graphql-ws speak with the clients that connect to an HTTP server at `path`. Its own `useServer` does likewise, but
 * keeps in memory whatever a client does not read, goes on hearing one that it closes until that one agrees (up to 30
 * seconds), and writes to the console.
 */
export function serveSockets(httpServer: HttpServer, path: string, protocol: Protocol<Connection>, log: Log) {
  const server = new WebSocketServer({
    ...{ server: httpServer, path, maxPayload: MAX_REQUEST_BYTES, handleProtocols },
    allowSynchronousEvents: false, // each message takes a turn of the event loop, so that others get theirs between
  });
  server.on("error", (err) => log.error({ err }, "the WebSocket server failed"));
  server.on("connection", (socket, request) => {
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: sender(socket, log),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (handle) => {
          socket.on("message", async (data) => {
            if (socket.readyState !== WebSocket.OPEN) return;
            await handle(String(data)).catch((err: unknown) => {
              log.warn({ err }, "a client's message could not be handled");
              socket.close(CloseCode.InternalServerError, "Internal server error");
            });
          });
        },
      },
      { socket, request },
    );
    // ws closes the socket by itself
    socket.on("error", (err) => log.info({ err }, "a client's message is no WebSocket message, or too large"));
    const pings = pingRegularly(socket);
    socket.once("close", (code, reason) => {
      clearInterval(pings);
      closed(code, String(reason)).catch((err) => log.error({ err }, "a client's operations could not be ended"));
    });
  });
  return {
    /** Has the clients connect again elsewhere. */
    dispose: async () => {
      for (const client of server.clients) client.close(1001, "Going away");
      await promisify(server.close.bind(server))();
    },
  };
}

/** What sends a message: resolves when the system has it, or nobody is there any more to get it. */
function sender(socket: WebSocket, log: Log): (message: string) => Promise<void> {
  let unread = 0;
  return async (message) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > MAX_UNREAD_BYTES || unread >= MAX_UNREAD_MESSAGES) {
      log.info({ unread, unreadBytes: socket.bufferedAmount }, "a client that does not read is cut off");
      return socket.terminate();
    }
    unread += 1;
    await new Promise<void>((resolve) => socket.send(message, () => resolve()));
    unread -= 1;
  };
}

function pingRegularly(socket: WebSocket): NodeJS.Timeout {
  let answered = true;
  socket.on("pong", () => {
    answered = true;
  });
  return setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, PING_EVERY_MS);
}
