import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A real HTTP server for the uploader's tests, which does to a PUT what the test says. It knows nothing of S3:
 * what S3 makes of our parts is shown on a real one, in test/.
 */
export interface PutServer extends AsyncDisposable {
  server: Server;
  /** Looks like a presigned URL. */
  url: string;
}

export async function startPutServer(listener: RequestListener): Promise<PutServer> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    server,
    url: `http://127.0.0.1:${port}/bucket/key?partNumber=1&X-Amz-Signature=5ec8e7`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await request.toArray());
}

/** S3's error document. */
export function s3Error(code: string, message = "Something is wrong."): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}
