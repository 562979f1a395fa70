import { spawn, type SpawnOptions } from "node:child_process";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { ExecAuth } from "@kubernetes/client-node/dist/exec_auth.js";
import { withoutSecrets } from "signalman";

/**
 * Lets the configuration run its credential plugins (`exec`) without the agent's secrets: the package would
 * give them the environment of this process.
 */
export function hideSecrets(config: KubeConfig): void {
  for (const authenticator of config["authenticators"]) {
    if (authenticator instanceof ExecAuth) authenticator["execFn"] = spawnWithoutSecrets as typeof spawn;
  }
}

function spawnWithoutSecrets(command: string, args: readonly string[], options: SpawnOptions = {}) {
  return spawn(command, args, { ...options, env: withoutSecrets(options.env ?? process.env) });
}
