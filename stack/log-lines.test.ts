import assert from "node:assert/strict";
import { test } from "node:test";
import { readableLog } from "./log-lines.ts";

test("JSON lines become their message and error, other lines stay", () => {
  const log = [
    '{"level":30,"msg":"listening"}',
    '{"level":60,"err":{"message":"no such host","stack":"..."},"msg":"stopped by an error"}',
    '{"level":60,"err":{"message":"same"},"msg":"same"}',
    "{ half a line",
    "plain",
    '{"other":1}',
  ].join("\n");
  assert.deepEqual(readableLog(log).split("\n"), [
    "listening",
    "stopped by an error: no such host",
    "same",
    "{ half a line",
    "plain",
    '{"other":1}',
  ]);
});
