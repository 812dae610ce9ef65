import { Storage } from "../../storage/storage.ts";
import type { S3Access } from "./bucket.ts";

/** The project's own storage on a test's S3 server. Its credentials are the process's, as the AWS SDK's chain reads them. */
export function testStorage({ endpoint, bucket, region, accessKeyId, secretAccessKey }: S3Access): Storage {
  process.env["AWS_ACCESS_KEY_ID"] = accessKeyId;
  process.env["AWS_SECRET_ACCESS_KEY"] = secretAccessKey;
  return new Storage({ S3_BUCKET: bucket, S3_ENDPOINT: endpoint, S3_FORCE_PATH_STYLE: true, AWS_REGION: region });
}
