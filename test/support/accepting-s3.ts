import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { parseS3Request, type S3Request, s3ErrorXml } from "./s3-request.ts";

interface Upload {
  key: string;
  metadata: Record<string, string>;
  parts: Map<number, { size: number; md5: Buffer }>;
}

/**
 * An S3 that takes parts of any size and keeps only their sizes and digests: real ones refuse parts under 5 MiB, and
 * 10,000 of those are 50 GB. It shows what the workflow does with so many parts, and nothing about S3.
 */
export class AcceptingS3 {
  /** Objects by key, as Complete made them. */
  readonly objects = new Map<string, { size: number; etag: string; metadata: Record<string, string> }>();
  readonly #uploads = new Map<string, Upload>();
  /** How many parts were sent, of all uploads together. */
  puts = 0;
  readonly #server = http.createServer((request, response) => this.#serve(request, response));

  static async start(): Promise<AcceptingS3> {
    const s3 = new AcceptingS3();
    s3.#server.listen(0, "127.0.0.1");
    await once(s3.#server, "listening");
    return s3;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const asked = parseS3Request(request.method ?? "", request.url ?? "");
    const answer = this.#answer(asked, await buffer(request), request);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  #answer(asked: S3Request, body: Buffer, { headers, url = "" }: http.IncomingMessage): Answer {
    const { key, partNumber = 0 } = asked;
    if (asked.operation === "CreateMultipartUpload") {
      const uploadId = randomUUID();
      const metadata = Object.entries(headers).filter(([name]) => name.startsWith("x-amz-meta-"));
      this.#uploads.set(uploadId, {
        key,
        metadata: Object.fromEntries(metadata.map(([k, v]) => [k, `${v}`])),
        parts: new Map(),
      });
      return xml(
        `<InitiateMultipartUploadResult><Key>${key}</Key><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    if (asked.operation === "HeadObject") {
      const object = this.objects.get(key);
      if (object === undefined) return { status: 404 };
      const { size, etag, metadata } = object;
      return { status: 200, headers: { etag: `"${etag}"`, "content-length": size, ...metadata } };
    }
    if (asked.operation === "ListMultipartUploads") {
      const prefix = new URL(url, "http://s3").searchParams.get("prefix") ?? "";
      const uploads = [...this.#uploads].filter(([, upload]) => upload.key.startsWith(prefix));
      const listed = uploads.map(
        ([id, upload]) => `<Upload><Key>${upload.key}</Key><UploadId>${id}</UploadId></Upload>`,
      );
      return xml(`<ListMultipartUploadsResult>${listed.join("")}</ListMultipartUploadsResult>`);
    }
    if (asked.operation === "Other") return { status: 200 };

    const upload = this.#uploads.get(asked.uploadId ?? "");
    if (upload === undefined) return { status: 404, body: s3ErrorXml("NoSuchUpload") };
    if (asked.operation === "UploadPart") {
      const md5 = createHash("md5").update(body).digest();
      upload.parts.set(partNumber, { size: body.length, md5 });
      this.puts += 1;
      return { status: 200, headers: { etag: `"${md5.toString("hex")}"` } };
    }
    if (asked.operation === "ListParts") return xml("<ListPartsResult></ListPartsResult>");
    this.#uploads.delete(asked.uploadId ?? "");
    if (asked.operation === "AbortMultipartUpload") return { status: 204 };
    return this.#complete(upload, body.toString());
  }

  #complete({ key, metadata, parts }: Upload, manifest: string): Answer {
    const etags = [...manifest.matchAll(/<ETag>(?:&quot;|")(\w+)(?:&quot;|")<\/ETag>/g)].map(([, etag]) => etag);
    const wrong = etags.findIndex((etag, index) => parts.get(index + 1)?.md5.toString("hex") !== etag);
    if (etags.length !== parts.size || wrong !== -1) return { status: 400, body: s3ErrorXml("InvalidPart") };
    const digests = Buffer.concat(etags.map((etag = "") => Buffer.from(etag, "hex")));
    const etag = `${createHash("md5").update(digests).digest("hex")}-${etags.length}`;
    const size = [...parts.values()].reduce((sum, part) => sum + part.size, 0);
    this.objects.set(key, { size, etag, metadata });
    return xml(
      `<CompleteMultipartUploadResult><Key>${key}</Key><ETag>"${etag}"</ETag></CompleteMultipartUploadResult>`,
    );
  }
}

interface Answer {
  status: number;
  headers?: http.OutgoingHttpHeaders;
  body?: string;
}

function xml(body: string): Answer {
  return { status: 200, headers: { "content-type": "application/xml" }, body: `<?xml version="1.0"?>\n${body}` };
}
