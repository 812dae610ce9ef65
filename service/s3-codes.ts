/**
 * Codes of S3's error answers that mean the same to whoever sent the request. Amazon's are listed at
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; others have added to them.
 */
export const SLOW_DOWN_CODES: readonly string[] = [
  "SlowDown",
  "Throttling",
  "ThrottlingException",
  "TooManyRequests",
  "RequestLimitExceeded",
];
export const TIMEOUT_CODES: readonly string[] = ["RequestTimeout", "RequestTimeoutException"];
export const FULL_CODES: readonly string[] = ["InsufficientStorage", "XMinioStorageFull"];
