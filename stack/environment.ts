import path from "node:path";
import { readSettings } from "../service/settings.ts";
import { s3Settings } from "../storage/client.ts";
import type { Secrets } from "./data-folder.ts";
import type { Ports } from "./ports.ts";
import { postgresUrl } from "./postgres.ts";

/** The settings of the services that the stack's processes use: those given, and the embedded engines' for the rest. */
export interface ServiceSettings {
  databaseUrl: string;
  temporalAddress: string;
  /** Absent where a given Temporal has none configured. */
  temporalUiUrl?: string;
  s3: {
    endpoint: string;
    bucket: string;
    region: string;
    /** Absent where the AWS SDK finds credentials by other means than the environment. */
    accessKeyId?: string;
    secretAccessKey?: string;
    forcePathStyle: boolean;
  };
}

/** Which engines the stack runs itself: those for which no address is given. */
export function embeddedEngines(env: NodeJS.ProcessEnv) {
  return { postgres: !env["DATABASE_URL"], temporal: !env["TEMPORAL_ADDRESS"], s3: !env["S3_ENDPOINT"] };
}

const pathStyle = s3Settings.pick({ S3_FORCE_PATH_STYLE: true });

/** @throws SettingsError */
export function describeServices(env: NodeJS.ProcessEnv, ports: Ports, secrets: Secrets): ServiceSettings {
  const embedded = embeddedEngines(env);
  const uiUrl = embedded.temporal ? `http://127.0.0.1:${ports.temporalUi}` : env["TEMPORAL_UI_URL"];
  const accessKeyId = embedded.s3 ? secrets.s3AccessKeyId : env["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = embedded.s3 ? secrets.s3SecretAccessKey : env["AWS_SECRET_ACCESS_KEY"];
  return {
    databaseUrl: env["DATABASE_URL"] || postgresUrl(ports.postgres, secrets.databasePassword),
    temporalAddress: env["TEMPORAL_ADDRESS"] || `127.0.0.1:${ports.temporal}`,
    ...(uiUrl ? { temporalUiUrl: uiUrl } : {}),
    s3: {
      endpoint: env["S3_ENDPOINT"] || `http://127.0.0.1:${ports.s3}`,
      bucket: env["S3_BUCKET"] || "rasterlift",
      region: env["AWS_REGION"] || "us-east-1",
      ...(accessKeyId ? { accessKeyId } : {}),
      ...(secretAccessKey ? { secretAccessKey } : {}),
      forcePathStyle: embedded.s3 || readSettings(pathStyle, env).S3_FORCE_PATH_STYLE,
    },
  };
}

/** The services that the GPU worker does not use, and what secrets are usually called: it gets neither. */
const SECRET_NAMES = /^(AWS_|S3_|DATABASE_|PG|JWT_|JWKS_)|SECRET|PASSWORD|CREDENTIAL|TOKEN/i;

/** What only the API needs, to know who calls: the worker gets none of it. */
const ONLY_FOR_API = /^(JWT_|JWKS_)/;

/**
 * The environment of each kind of process: the user's own and what the stack knows, without the settings that only other
 * kinds use.
 */
export function environments(env: NodeJS.ProcessEnv, services: ServiceSettings, jwtSecret: string) {
  const { s3 } = services;
  const temporal = {
    TEMPORAL_ADDRESS: services.temporalAddress,
    ...(services.temporalUiUrl === undefined ? {} : { TEMPORAL_UI_URL: services.temporalUiUrl }),
    ...(embeddedEngines(env).temporal ? ofEmbeddedTemporal : {}),
  };
  const database = { DATABASE_URL: services.databaseUrl };
  const storage = {
    S3_ENDPOINT: s3.endpoint,
    S3_BUCKET: s3.bucket,
    S3_FORCE_PATH_STYLE: `${s3.forcePathStyle}`,
    AWS_REGION: s3.region,
    ...(s3.accessKeyId === undefined ? {} : { AWS_ACCESS_KEY_ID: s3.accessKeyId }),
    ...(s3.secretAccessKey === undefined ? {} : { AWS_SECRET_ACCESS_KEY: s3.secretAccessKey }),
    ...(embeddedEngines(env).s3 ? ofEmbeddedS3 : {}),
  };
  const given = without(withoutForeign(env), /^METRICS_ADDRESS$/); // one address cannot serve several workers
  return {
    api: {
      ...given,
      ...temporal,
      ...database,
      ...storage,
      ...(env["JWKS_URL"] ? {} : { JWT_SECRET: env["JWT_SECRET"] || jwtSecret }),
    },
    worker: { ...without(given, ONLY_FOR_API), ...temporal, ...database, ...storage },
    gpuWorker: { ...without(given, SECRET_NAMES), ...temporal },
  };
}

const noFile = path.join(import.meta.dirname, "there-is-none");

/** Keeps its clients from the user's own configuration file of Temporal, and from the proxy that the environment may name. */
const ofEmbeddedTemporal = {
  TEMPORAL_NAMESPACE: "default",
  TEMPORAL_CONFIG_FILE: noFile,
  no_grpc_proxy: "127.0.0.1",
};

/** Keeps its clients from the user's own files of AWS. */
const ofEmbeddedS3 = { AWS_CONFIG_FILE: noFile, AWS_SHARED_CREDENTIALS_FILE: noFile };

/** What belongs to another PostgreSQL, Temporal or S3 than the embedded one would make clients of that fail. */
function withoutForeign(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const embedded = embeddedEngines(env);
  const foreign = [
    ...(embedded.postgres ? [/^PG/] : []),
    ...(embedded.temporal ? [/^TEMPORAL_(API_KEY|TLS|PROFILE)/] : []),
    ...(embedded.s3 ? [/^AWS_/] : []),
  ];
  return foreign.reduce(without, env);
}

function without(env: NodeJS.ProcessEnv, names: RegExp): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.test(name)));
}
