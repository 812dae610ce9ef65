import type { S3Settings } from "../../storage/client.ts";
import { Storage } from "../../storage/storage.ts";
import type { S3Access } from "./bucket.ts";

/**
 * The project's own storage on a test's S3 server. Its credentials are the process's, as the AWS SDK's chain reads
 * them.
 */
export function openStorage(access: S3Access, settings: Partial<S3Settings> = {}): Storage {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = access;
  process.env["AWS_ACCESS_KEY_ID"] = accessKeyId;
  process.env["AWS_SECRET_ACCESS_KEY"] = secretAccessKey;
  const own = { S3_BUCKET: bucket, S3_ENDPOINT: endpoint, S3_FORCE_PATH_STYLE: true, AWS_REGION: region };
  return new Storage({ ...own, ...settings });
}
