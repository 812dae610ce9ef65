/** Anything can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether it is an error with this `code`: one of the system's, of gRPC or of PostgreSQL. */
export function hasCode(error: unknown, code: string | number): error is Error {
  return error instanceof Error && "code" in error && error.code === code;
}
