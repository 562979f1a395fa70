import { spawn, type SpawnOptions } from "node:child_process";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { ExecAuth } from "@kubernetes/client-node/dist/exec_auth.js";
import { withoutSecrets } from "signalman";

/**
 * Hides the agent's secrets from the credential plugins (`exec`) of a configuration, to which the package
 * passes the environment.
 */
export function hideSecrets(config: KubeConfig): void {
  for (const authenticator of config["authenticators"]) {
    if (authenticator instanceof ExecAuth) authenticator["execFn"] = spawnWithoutSecrets as typeof spawn;
  }
}

function spawnWithoutSecrets(command: string, args: readonly string[], options: SpawnOptions = {}) {
  return spawn(command, args, { ...options, env: withoutSecrets(options.env ?? process.env) });
}
