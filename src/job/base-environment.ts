import type { Cookie } from "../core/contracts/executor.ts";
import { jobSocketVariable } from "./job-messages.ts";

/** Bun's own switches: they would run code inside every program of ours that a job starts. */
const ours = /^(BUN_OPTIONS|BUN_BE_BUN|BUN_INSPECT.*|BUN_JSC_.*|BUN_CONFIG_PRELOAD|SIGNALMAN_.*)$/;

/**
 * What a job's processes start with: the agent's environment (protocol section 6.2), without the variables that hold its secrets, and with the
 * job's cookie. Cookies of an outer job stay: its processes are still that job's.
 */
export function toBaseEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  options: {
    secretVariables: readonly string[];
    cookie: Cookie;
    /** Where the job's processes reach the job. */
    jobSocket: string | undefined;
  },
): Record<string, string> {
  const { cookie, jobSocket } = options;
  return {
    ...withoutSecrets(env, options.secretVariables),
    [cookie.name]: cookie.value,
    ...(jobSocket === undefined ? {} : { [jobSocketVariable]: jobSocket }),
  };
}

/** An environment without the variables that hold secrets of the agent, and without Bun's own switches. */
export function withoutSecrets(
  env: Readonly<Record<string, string | undefined>>,
  secretVariables: readonly string[] = [],
): Record<string, string> {
  const secret = new Set(["SEMAPHORE_AGENT_TOKEN", ...secretVariables]);
  const base: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // The socket of an outer job is nothing to the jobs of an agent that runs inside it.
    if (value === undefined || secret.has(name) || name === jobSocketVariable) continue;
    if (ours.test(name) && !name.startsWith("SIGNALMAN_JOB_")) continue;
    base[name] = value;
  }
  return base;
}
