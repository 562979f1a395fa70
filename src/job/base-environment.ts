import type { Cookie } from "../processes/cookie.ts";

/** Bun's own switches: they would run code inside every program of ours that a job starts. */
const ours = /^(BUN_OPTIONS|BUN_BE_BUN|BUN_INSPECT.*|BUN_JSC_.*|BUN_CONFIG_PRELOAD|SIGNALMAN_.*)$/;

/**
 * What a job's processes start with: the agent's environment (protocol section 6.2), without the variables that hold its secrets, and with the
 * job's cookie. Cookies of an outer job stay: its processes are still that job's.
 */
export function toBaseEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  options: { secretVariables: readonly string[]; cookie: Cookie },
): Record<string, string> {
  return { ...withoutSecrets(env, options.secretVariables), [options.cookie.name]: options.cookie.value };
}

/** An environment without the variables that hold secrets of the agent, and without Bun's own switches. */
export function withoutSecrets(
  env: Readonly<Record<string, string | undefined>>,
  secretVariables: readonly string[] = [],
): Record<string, string> {
  const secret = new Set(["SEMAPHORE_AGENT_TOKEN", ...secretVariables]);
  const base: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || secret.has(name)) continue;
    if (ours.test(name) && !name.startsWith("SIGNALMAN_JOB_")) continue;
    base[name] = value;
  }
  return base;
}
