import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings, SettingsError } from "../service/settings.ts";
import { apiSettings } from "./settings.ts";

const least = { DATABASE_URL: "postgresql://u:p@localhost:5432/d", S3_BUCKET: "b", JWT_SECRET: "x".repeat(32) };

test("what is not set has its default", () => {
  const { PORT, HOST, MAX_RENDER_BYTES, MAX_ACTIVE_RENDERS, RESUME_WINDOW_SECONDS } = readSettings(apiSettings, least);
  assert.deepEqual(
    { PORT, HOST, MAX_RENDER_BYTES, MAX_ACTIVE_RENDERS, RESUME_WINDOW_SECONDS },
    {
      PORT: 4000,
      HOST: "127.0.0.1",
      MAX_RENDER_BYTES: 68_719_476_736,
      MAX_ACTIVE_RENDERS: 20,
      RESUME_WINDOW_SECONDS: 86_400,
    },
  );
});

test("without a way to check tokens, or with two, the API does not start", () => {
  const wrong = [
    { ...least, JWT_SECRET: "" },
    { ...least, JWKS_URL: "https://id.example/keys" },
    { ...least, JWT_SECRET: "short" },
  ];
  for (const env of wrong) {
    assert.throws(
      () => readSettings(apiSettings, env),
      (error: unknown) => error instanceof SettingsError && /JWT_SECRET: .*32 characters/.test(error.message),
    );
  }
});

test("every wrong setting is named at once", () => {
  assert.throws(
    () => readSettings(apiSettings, {}),
    /S3_BUCKET: .*\n.*DATABASE_URL: .*\n.*JWT_SECRET: set exactly one/,
  );
  assert.throws(
    () =>
      readSettings(apiSettings, {
        ...least,
        PORT: "70000",
        S3_ENDPOINT: "localhost:8333",
        DATABASE_URL: "mysql://x",
        JWKS_URL: "nowhere",
      }),
    /S3_ENDPOINT: must be the URL of an S3 server.*\n.*DATABASE_URL: .*\n.*PORT: must be a whole number from 0 to 65535\n.*JWKS_URL: /,
  );
  for (const url of ["nowhere", "postgresql://host"]) {
    assert.throws(
      () => readSettings(apiSettings, { ...least, DATABASE_URL: url }),
      /^[^\n]*DATABASE_URL: must be postgresql:\/\/user:password@host:port\/database$/m,
    );
  }
});
