import { isDeepStrictEqual } from "node:util";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandInput,
  ListObjectsV2Command,
  ListPartsCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { explain, StorageError } from "./answers.ts";
import { COMPLETE_WITHIN_MS, createS3Client, type S3Settings, within } from "./client.ts";

/** A multipart upload that S3 has opened. */
export interface OpenUpload {
  key: string;
  uploadId: string;
}

/** What S3 has at a key. */
export interface StoredObject {
  /** In bytes. */
  size: number;
  /** Without the quotes. */
  etag: string;
  /**
   * Whether its ETag, and its parts', are made of MD5s: not under encryption by a key of KMS or of the customer
   * (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
   */
  hasMd5Etag: boolean;
  /** The upload's `mark`, where the object came from one that had it. */
  mark?: string;
  /** Of the whole object, 8 lower-case hex digits; only where S3 computed one. */
  crc32?: string;
}

const MARK_HEADER = "rasterlift-upload";

/**
 * The bucket that renders are stored in, as one upload sees it:
 *
 * `createUpload` opens a multipart upload and stamps it with a mark, which S3 hands on to the object that it becomes;
 * by it anybody can tell later whose object lies at the key. `presignPart` makes the URL by which a GPU worker, who
 * has no credentials, may PUT exactly one part of exactly one length. `completeUpload` names the parts, in order, with
 * the ETags that S3 gave for them, and S3 makes them one object, all or nothing. Its answer can get lost, or be a 200
 * with an error in its body, so `head` says what is there now. `abortUpload` drops the upload with its parts; a PUT
 * still on its way can bring a part back, so an upload is gone only when `hasUpload` says so.
 *
 * Each call is one request (a listing: one a page; `ensureBucket`: two; a presigned URL: none) and throws StorageError,
 * which says what S3's answer means.
 */
export class Storage {
  readonly #client: S3Client;
  /** Signs download links for where people reach S3. */
  readonly #publicClient: S3Client;
  readonly #bucket: string;
  readonly #endpoint: string;

  constructor(settings: S3Settings) {
    this.#client = createS3Client(settings);
    this.#publicClient = createS3Client(settings, settings.S3_PUBLIC_ENDPOINT ?? settings.S3_ENDPOINT);
    this.#bucket = settings.S3_BUCKET;
    this.#endpoint = settings.S3_ENDPOINT ?? `Amazon S3 (${settings.AWS_REGION})`;
  }

  async createUpload(upload: { key: string; contentType: string; mark: string }): Promise<{ uploadId: string }> {
    const { key, contentType, mark } = upload;
    const command = new CreateMultipartUploadCommand({
      ...this.#at(key),
      ContentType: contentType,
      Metadata: { [MARK_HEADER]: mark },
    });
    const { UploadId } = await this.#explained("CreateMultipartUpload", key, this.#client.send(command, within()));
    if (UploadId === undefined) throw this.#notUnderstood("CreateMultipartUpload", key, "its answer has no UploadId");
    return { uploadId: UploadId };
  }

  /**
   * How long the credentials are good for from now on, in milliseconds: more than 0, Infinity where they do not expire.
   * A URL for `key` that they sign ends with them.
   * @throws StorageError where there are none, or they have expired
   */
  async credentialsLifeMs(key: string): Promise<number> {
    const { expiration } = await this.#explained("UploadPart", key, this.#client.config.credentials());
    const lifeMs = expiration === undefined ? Number.POSITIVE_INFINITY : expiration.getTime() - this.#now().getTime();
    if (lifeMs > 0) return lifeMs;
    const expired = new Error(`the credentials expired at ${expiration?.toISOString()}`);
    throw explain(Object.assign(expired, { name: "ExpiredToken" }), this.#request("UploadPart", key));
  }

  /** A URL that takes one PUT body of exactly `length` bytes as part `partNumber`, for `expiresIn` seconds. */
  presignPart(part: OpenUpload & { partNumber: number; length: number; expiresIn: number }): Promise<string> {
    const command = new UploadPartCommand({
      ...this.#at(part.key),
      UploadId: part.uploadId,
      PartNumber: part.partNumber,
      ContentLength: part.length,
    });
    const signableHeaders = new Set(["host", "content-length"]);
    const signing = { expiresIn: part.expiresIn, signableHeaders, signingDate: this.#now() };
    return this.#explained("UploadPart", part.key, getSignedUrl(this.#client, command, signing));
  }

  /**
   * Makes the parts one object. `etags` are the parts' in order, from part 1. S3 may answer 200 and put an error into
   * the body, and the SDK takes a cut-off or padded one for a success: only an answer with ETag and Key is one.
   */
  async completeUpload({ key, uploadId }: OpenUpload, etags: readonly string[]): Promise<void> {
    const command = new CompleteMultipartUploadCommand({
      ...this.#at(key),
      UploadId: uploadId,
      MultipartUpload: { Parts: etags.map((etag, index) => ({ ETag: `"${etag}"`, PartNumber: index + 1 })) },
    });
    const sent = this.#client.send(command, within(COMPLETE_WITHIN_MS));
    const { ETag, Key } = await this.#explained("CompleteMultipartUpload", key, sent);
    if (!ETag || !Key) throw this.#notUnderstood("CompleteMultipartUpload", key, "its answer has no ETag and Key");
  }

  /** Asks S3 once to drop the upload; an upload that it does not know is no error. */
  async abortUpload({ key, uploadId }: OpenUpload): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#at(key), UploadId: uploadId });
    await this.#unlessGone(this.#explained("AbortMultipartUpload", key, this.#client.send(command, within())));
  }

  async hasUpload({ key, uploadId }: OpenUpload): Promise<boolean> {
    const command = new ListPartsCommand({ ...this.#at(key), UploadId: uploadId, MaxParts: 1 });
    const parts = await this.#unlessGone(this.#explained("ListParts", key, this.#client.send(command, within())));
    return parts !== undefined;
  }

  /** The uploads that are open under a prefix, page by page. */
  async *listUploads(prefix: string): AsyncGenerator<OpenUpload> {
    for (let from: Pick<ListMultipartUploadsCommandInput, "KeyMarker" | "UploadIdMarker"> = {}; ; ) {
      const command = new ListMultipartUploadsCommand({ Bucket: this.#bucket, Prefix: prefix, ...from });
      const page = await this.#explained("ListMultipartUploads", prefix, this.#client.send(command, within()));
      for (const { Key, UploadId } of page.Uploads ?? []) {
        if (Key !== undefined && UploadId !== undefined) yield { key: Key, uploadId: UploadId };
      }
      if (!page.IsTruncated) return;
      const next = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
      if (next.KeyMarker === undefined || isDeepStrictEqual(next, from))
        throw this.#notUnderstood("ListMultipartUploads", prefix, "it does not say where the rest of the list begins");
      from = next;
    }
  }

  /** What is at the key now, or undefined. */
  async head(key: string): Promise<StoredObject | undefined> {
    const command = new HeadObjectCommand({ ...this.#at(key), ChecksumMode: "ENABLED" });
    const object = await this.#client.send(command, within()).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw explain(error, this.#request("HeadObject", key));
    });
    if (object === undefined) return undefined;
    const { ContentLength = 0, ETag = "", Metadata, ChecksumCRC32, ChecksumType } = object;
    const { ServerSideEncryption = "AES256", SSECustomerAlgorithm } = object;
    const mark = Metadata?.[MARK_HEADER];
    return {
      size: ContentLength,
      etag: unquoted(ETag),
      hasMd5Etag: ServerSideEncryption === "AES256" && SSECustomerAlgorithm === undefined,
      ...(mark === undefined ? {} : { mark }),
      ...(ChecksumCRC32 && ChecksumType === "FULL_OBJECT"
        ? { crc32: Buffer.from(ChecksumCRC32, "base64").toString("hex") }
        : {}),
    };
  }

  /** A URL that downloads the object as a file of that name, for `expiresIn` seconds (1 … 604,800). */
  presignDownload(download: { key: string; fileName: string; expiresIn: number }): Promise<string> {
    const command = new GetObjectCommand({
      ...this.#at(download.key),
      ResponseContentDisposition: attachment(download.fileName),
    });
    const signing = { expiresIn: download.expiresIn, signingDate: this.#now() };
    return this.#explained("GetObject", download.key, getSignedUrl(this.#publicClient, command, signing));
  }

  /** Removes the object; one that is not there is no error. */
  async deleteObject(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand(this.#at(key)), within()).catch((error: unknown) => {
      if (!isNotFound(error)) throw explain(error, this.#request("DeleteObject", key));
    });
  }

  /** Makes the bucket where it is missing. A listing says why it is refused, where HEAD has no body to say it in. */
  async ensureBucket(): Promise<void> {
    const listing = new ListObjectsV2Command({ Bucket: this.#bucket, MaxKeys: 1 });
    const there = await this.#client.send(listing, within()).catch((error: unknown) => {
      if (error instanceof Error && error.name === "NoSuchBucket") return undefined;
      throw explain(error, this.#request("ListObjectsV2"));
    });
    if (there !== undefined) return;
    await this.#client.send(new CreateBucketCommand({ Bucket: this.#bucket }), within()).catch((error: unknown) => {
      if (error instanceof Error && error.name === "BucketAlreadyOwnedByYou") return;
      throw explain(error, this.#request("CreateBucket"));
    });
  }

  /** Closes the connections. */
  close(): void {
    this.#client.destroy();
    this.#publicClient.destroy();
  }

  /** By S3's clock, as far as its answers have told the SDK, which signs requests by it but no URLs. */
  #now(): Date {
    return new Date(Date.now() + this.#client.config.systemClockOffset);
  }

  #at(key: string) {
    return { Bucket: this.#bucket, Key: key };
  }

  #request(operation: string, key?: string) {
    return { operation, bucket: this.#bucket, endpoint: this.#endpoint, ...(key === undefined ? {} : { key }) };
  }

  async #explained<T>(operation: string, key: string | undefined, sent: Promise<T>): Promise<T> {
    try {
      return await sent;
    } catch (error) {
      throw explain(error, this.#request(operation, key));
    }
  }

  async #unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof StorageError && error.meaning === "gone") return undefined;
      throw error;
    }
  }

  #notUnderstood(operation: string, key: string, why: string): StorageError {
    return new StorageError(
      "retry",
      "S3Unavailable",
      `${operation} of ${this.#bucket}/${key}: ${why}. It is asked again.`,
    );
  }
}

const unquoted = (etag: string) => etag.replaceAll('"', "");

function isNotFound(error: unknown): boolean {
  return error instanceof Error && (error.name === "NotFound" || error.name === "NoSuchKey");
}

/**
 * RFC 6266: a plain name for old clients, the exact one for the others, without what would lead to another folder or
 * make it read as another name.
 */
function attachment(name: string): string {
  const fileName = name.replace(/[/\\\p{Cc}\p{Bidi_Control}]/gu, "_");
  const plain = fileName.replace(/[^\w.-]/g, "_");
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(fileName).replace(/['()*]/g, escaped)}`;
}

const escaped = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
