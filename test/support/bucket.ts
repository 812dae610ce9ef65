import { CreateBucketCommand, ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";

/** Where the stack's objects are, as stack.json says. */
export interface S3Access {
  endpoint: string;
  bucket: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** What is in the bucket, asked with the AWS SDK and nothing of the project. */
export class Bucket {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor({ endpoint, bucket, region, accessKeyId, secretAccessKey }: S3Access) {
    this.#client = new S3Client({
      endpoint,
      region,
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    });
    this.#bucket = bucket;
  }

  async create(): Promise<void> {
    await this.#client.send(new CreateBucketCommand({ Bucket: this.#bucket }));
  }

  /** The multipart uploads that are neither completed nor aborted. */
  async openUploads(): Promise<{ key: string; uploadId: string }[]> {
    const { Uploads = [] } = await this.#client.send(new ListMultipartUploadsCommand({ Bucket: this.#bucket }));
    return Uploads.map(({ Key = "", UploadId = "" }) => ({ key: Key, uploadId: UploadId }));
  }

  async keys(): Promise<string[]> {
    const { Contents = [] } = await this.#client.send(new ListObjectsV2Command({ Bucket: this.#bucket }));
    return Contents.map(({ Key = "" }) => Key);
  }
}
