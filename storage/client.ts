import { S3Client } from "@aws-sdk/client-s3";
import * as z from "zod";
import { httpUrl } from "../service/settings.ts";

/** The settings of whoever talks to S3 with credentials; the credentials come by the AWS SDK's default chain. */
export const s3Settings = z.object({
  S3_BUCKET: z.string("must name the bucket that renders are stored in"),
  S3_ENDPOINT: httpUrl("must be the URL of an S3 server, e.g. http://127.0.0.1:8333").optional(),
  S3_PUBLIC_ENDPOINT: httpUrl("must be the URL at which people reach the S3 server").optional(),
  S3_FORCE_PATH_STYLE: z.stringbool("must be true or false").default(false),
  AWS_REGION: z.string().default("us-east-1"),
});

export type S3Settings = z.infer<typeof s3Settings>;

const CONNECT_WITHIN_MS = 5_000;

/** How long an answer may stand still. */
const STALL_MS = 120_000;

/** How long S3 may think about a Complete of thousands of parts, sending white space meanwhile. */
export const COMPLETE_WITHIN_MS = 300_000;

/** For a client's `send`: gives the request up, and closes its connection, unless it is answered in full by then. */
export const within = (milliseconds = 30_000) => ({ abortSignal: AbortSignal.timeout(milliseconds) });

/**
 * A client that makes each request once: whoever calls decides what an answer means (answers.ts) and when to try again,
 * and for our activities that is Temporal. By default the SDK would sign the checksum of an empty body into a
 * presigned UploadPart URL, hence WHEN_REQUIRED. `endpoint` stands in for S3_ENDPOINT.
 */
export function createS3Client(settings: S3Settings, endpoint = settings.S3_ENDPOINT): S3Client {
  return new S3Client({
    region: settings.AWS_REGION,
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: settings.S3_FORCE_PATH_STYLE,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_WITHIN_MS,
      socketTimeout: STALL_MS,
    },
  });
}
