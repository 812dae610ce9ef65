import { loadClientConnectConfig } from "@temporalio/envconfig";

export type TemporalSettings = ReturnType<typeof temporalSettings>;

/**
 * Temporal's usual client settings: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*,
 * for `Connection.connect` and `NativeConnection.connect`.
 */
export function temporalSettings() {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  return { connectionOptions, namespace: namespace ?? "default" };
}
