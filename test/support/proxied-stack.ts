import type { Client } from "./client.ts";
import { type Exchange, type ProxiedRequest, S3Proxy } from "./s3-proxy.ts";
import { S3Server } from "./s3-server.ts";
import { TestStack } from "./stack.ts";

/**
 * A stack whose S3 is a real server behind a {@link S3Proxy}: everything of the project and every download passes it.
 */
export class ProxiedStack {
  readonly s3: S3Server;
  readonly proxy: S3Proxy;
  readonly stack: TestStack;

  private constructor(s3: S3Server, proxy: S3Proxy, stack: TestStack) {
    this.s3 = s3;
    this.proxy = proxy;
    this.stack = stack;
  }

  /**
   * @param settings further environment variables of the stack
   * @param s3Parent the folder that gets a folder with S3's data
   */
  static async start(settings: Record<string, string> = {}, s3Parent?: string): Promise<ProxiedStack> {
    const s3 = await S3Server.start(s3Parent);
    const proxy = await S3Proxy.start(s3.access.endpoint);
    const stack = await TestStack.start({
      S3_ENDPOINT: proxy.endpoint,
      S3_BUCKET: s3.access.bucket,
      S3_FORCE_PATH_STYLE: "true",
      AWS_REGION: s3.access.region,
      AWS_ACCESS_KEY_ID: s3.access.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.access.secretAccessKey,
      ...settings,
    });
    return new ProxiedStack(s3, proxy, stack);
  }

  client(): Promise<Client> {
    return this.stack.client();
  }

  /** Forgets what has passed and what was to go wrong. */
  clear(): void {
    this.proxy.rule = () => undefined;
    this.proxy.exchanges.length = 0;
  }

  /** How often each part of a render was sent, from part 1. */
  attempts(renderId: string, partCount: number): number[] {
    const counts = new Array<number>(partCount).fill(0);
    for (const { partNumber = 0 } of this.puts(renderId)) counts[partNumber - 1] = (counts[partNumber - 1] ?? 0) + 1;
    return counts;
  }

  /** The UploadPart requests of a render. */
  puts(renderId: string): Exchange[] {
    return this.proxy.of("UploadPart").filter(({ key }) => key.includes(renderId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack[Symbol.asyncDispose]();
    await this.proxy.stop();
    await this.s3[Symbol.asyncDispose]();
  }
}

/** Whether a request sends one of these parts. */
export function sendsPart({ operation, partNumber = 0 }: ProxiedRequest, ...parts: number[]): boolean {
  return operation === "UploadPart" && parts.includes(partNumber);
}
