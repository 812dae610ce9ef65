import { loadClientConnectConfig } from "@temporalio/envconfig";
import { messageOf } from "./errors.ts";
import { SettingsError } from "./settings.ts";

export type TemporalSettings = ReturnType<typeof temporalSettings>;

/**
 * Temporal's usual client settings: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*,
 * for `Connection.connect` and `NativeConnection.connect`.
 * @throws SettingsError
 */
export function temporalSettings() {
  const { connectionOptions, namespace } = loadConfig();
  const { address } = connectionOptions;
  if (address?.includes("/"))
    throw new SettingsError(`TEMPORAL_ADDRESS: must be host:port, e.g. localhost:7233, not ${address}`);
  return { connectionOptions, namespace: namespace ?? "default" };
}

function loadConfig() {
  try {
    return loadClientConnectConfig();
  } catch (error) {
    throw new SettingsError(
      `Temporal's client settings (TEMPORAL_*, or its configuration file) are wrong: ${messageOf(error)}`,
    );
  }
}
