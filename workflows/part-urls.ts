/** One part's presigned URL. */
export interface PartUrl {
  url: string;
  /** By the workflow's clock, in milliseconds since the epoch. */
  expiresAt: number;
}

/** The URLs of the parts `from` … `to`, in order; all expire at once. */
type Presign = (from: number, to: number) => Promise<PartUrl[]>;

/** URLs are presigned for so many parts at a time. */
const URLS_AT_ONCE = 32;

/** A URL that has less than this, or half of its life, left is not handed out: it would only end in the queue. */
const RESERVE_MS = 60_000;

/** Presigned URLs, made in windows just ahead of use and never kept until they are old. */
export class PartUrls {
  readonly #presign: Presign;
  readonly #urls = new Map<number, PartUrl>();
  /** The present window is handed out before then, in milliseconds since the epoch. */
  #takeBefore = 0;

  constructor(presign: Presign) {
    this.#presign = presign;
  }

  /**
   * A URL for part `from`, presigned together with those of the parts up to `to` (inclusive) that will want one next.
   */
  async take({ from, to }: { from: number; to: number }): Promise<PartUrl> {
    if (!this.#urls.has(from) || Date.now() >= this.#takeBefore)
      await this.#refill(from, Math.min(to, from + URLS_AT_ONCE - 1));
    const url = this.#urls.get(from);
    if (url === undefined) throw new RangeError(`No URL was presigned for part ${from}.`);
    this.#urls.delete(from);
    return url;
  }

  async #refill(from: number, to: number): Promise<void> {
    this.#urls.clear();
    const urls = await this.#presign(from, to);
    const expiresAt = urls[0]?.expiresAt ?? 0;
    this.#takeBefore = expiresAt - Math.min(RESERVE_MS, (expiresAt - Date.now()) / 2);
    urls.forEach((url, index) => {
      this.#urls.set(from + index, url);
    });
  }
}

/** Whether the URL's life was over by `at`, in milliseconds since the epoch. */
export const isExpired = (url: PartUrl, at: number) => url.expiresAt <= at;
