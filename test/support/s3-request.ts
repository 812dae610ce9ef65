/** The S3 calls that the project makes; anything else is "Other". */
type S3Operation =
  | "CreateMultipartUpload"
  | "UploadPart"
  | "CompleteMultipartUpload"
  | "AbortMultipartUpload"
  | "ListParts"
  | "ListMultipartUploads"
  | "HeadObject"
  | "GetObject"
  | "DeleteObject"
  | "Other";

/** What a path-style S3 request asks for. */
export interface S3Request {
  operation: S3Operation;
  bucket: string;
  /** Empty where the request is about the bucket. */
  key: string;
  uploadId: string | undefined;
  /** UploadPart only; 1-based. */
  partNumber: number | undefined;
}

/** @param target a request's path and query, path-style: `/bucket/key?query` */
export function parseS3Request(method: string, target: string): S3Request {
  const { pathname, searchParams } = new URL(target, "http://s3");
  const [bucket = "", ...key] = pathname.slice(1).split("/").map(decodeURIComponent);
  const partNumber = searchParams.get("partNumber");
  return {
    operation: operationOf(method, key.join("/"), searchParams),
    bucket,
    key: key.join("/"),
    uploadId: searchParams.get("uploadId") ?? undefined,
    partNumber: partNumber === null ? undefined : Number(partNumber),
  };
}

function operationOf(method: string, key: string, query: URLSearchParams): S3Operation {
  if (key === "") return method === "GET" && query.has("uploads") ? "ListMultipartUploads" : "Other";
  if (query.has("uploads")) return "CreateMultipartUpload";
  if (!query.has("uploadId")) return objectOperations[method] ?? "Other";
  return uploadOperations[method] ?? "Other";
}

const objectOperations: Readonly<Record<string, S3Operation>> = {
  HEAD: "HeadObject",
  GET: "GetObject",
  DELETE: "DeleteObject",
};

const uploadOperations: Readonly<Record<string, S3Operation>> = {
  PUT: "UploadPart",
  POST: "CompleteMultipartUpload",
  DELETE: "AbortMultipartUpload",
  GET: "ListParts",
};

/** The body of an S3 error answer. */
export function s3ErrorXml(code: string, message = code): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}
