import type { Cookie } from "../core/contracts/executor.ts";
import { jobAnswersVariable, jobSocketVariable } from "./commands/messages.ts";
import type { ConfigurationPath } from "./settings.ts";

/** Environment variables of a job with the path of its agent's configuration file, and the environment in it. */
export const configurationVariables = {
  file: "SIGNALMAN_CONFIG_FILE",
  environment: "SIGNALMAN_CONFIG_ENV",
} as const;

/**
 * Bun's own switches, which would run code in every Bun program that a job starts, and variables of this
 * program and of its service manager.
 */
const ownVariables =
  /^(NOTIFY_SOCKET|WATCHDOG_USEC|WATCHDOG_PID|BUN_OPTIONS|BUN_BE_BUN|BUN_INSPECT.*|BUN_JSC_.*|BUN_CONFIG_PRELOAD|SIGNALMAN_.*)$/;

/** Of an outer job, whose commands the jobs of an agent that runs inside it must not call. */
const outerVariables: ReadonlySet<string> = new Set([jobSocketVariable, jobAnswersVariable]);

/**
 * Returns the initial environment of a job's processes: the agent's environment (protocol section 6.2)
 * without the variables that contain its secrets, and with the job's cookie. Cookies of an outer job are
 * kept, since its processes still belong to that job.
 */
export function toBaseEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  options: {
    readonly secretVariables: readonly string[];
    readonly cookie: Cookie;
    /** Path of the job's socket. */
    readonly jobSocket: string | undefined;
    readonly configuration?: ConfigurationPath | undefined;
  },
): Record<string, string> {
  const { cookie, jobSocket, configuration } = options;
  return {
    ...withoutSecrets(env, options.secretVariables),
    [cookie.name]: cookie.value,
    ...(jobSocket === undefined ? {} : { [jobSocketVariable]: jobSocket }),
    ...(configuration && { [configurationVariables.file]: configuration.file }),
    ...(configuration?.environment && { [configurationVariables.environment]: configuration.environment }),
  };
}

/** Returns an environment without the variables that contain secrets of the agent, and without Bun's own switches. */
export function withoutSecrets(
  env: Readonly<Record<string, string | undefined>>,
  secretVariables: readonly string[] = [],
): Record<string, string> {
  const secret = new Set(["SEMAPHORE_AGENT_TOKEN", ...secretVariables]);
  const base: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || secret.has(name) || outerVariables.has(name)) continue;
    if (ownVariables.test(name) && !name.startsWith("SIGNALMAN_JOB_")) continue;
    base[name] = value;
  }
  return base;
}
