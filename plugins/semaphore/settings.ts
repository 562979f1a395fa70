import { AgentError, type Logger, toMessage } from "signalman";
import { readHostFile } from "signalman/host";
import { findNameFault, isUrlName } from "./agent-name.ts";
import type { SemaphoreConfig } from "./config.ts";
import { isToken } from "./wire.ts";

/** The checked and complete settings of an agent. Names with `Ms` are milliseconds. */
export interface Settings {
  /** `undefined` for a generated name. */
  readonly name: string | undefined;
  readonly endpoint: string;
  readonly origin: string;
  readonly token: string;
  readonly ca: readonly string[] | undefined;
  /** Values that no message may contain. */
  readonly secrets: readonly string[];
  readonly terms: Terms;
  readonly limits: Limits;
}

/** The terms of a registration, which the control plane enforces. Times are seconds. */
export interface Terms {
  readonly singleJob: boolean;
  readonly jobId: string;
  readonly idleTimeout: number;
  readonly gracePeriod: number;
}

export interface Limits {
  readonly register: Attempts;
  readonly getJob: Attempts;
  readonly disconnect: Attempts;
  readonly requestTimeoutMs: number;
  readonly maxBodyBytes: number;
  readonly syncMinMs: number;
  readonly syncMaxMs: number;
  readonly syncGiveUpMs: number;
  readonly busyGiveUpMs: number;
  readonly goneGiveUpMs: number;
  readonly interruptGiveUpMs: number;
}

export interface Attempts {
  readonly count: number;
  readonly intervalMs: number;
}

export interface LoadSettingsOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The command line, checked for a token. */
  readonly argv: readonly string[];
  readonly logger: Logger;
  /** Number of the slot, from 0, and number of all slots. */
  readonly slot: number;
  readonly slots: number;
}

/**
 * Checks what only `start` needs. Throws one `CONFIG_INVALID` with all faults, worded as in the reference
 * agent where it has a message.
 */
export async function loadSettings(config: SemaphoreConfig, options: LoadSettingsOptions): Promise<Settings> {
  const { env, argv, logger, slot, slots } = options;
  const faults: string[] = [];
  const attempt = async <T>(load: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await load();
    } catch (error) {
      faults.push(toMessage(error));
      return undefined;
    }
  };

  const endpoint = config.endpoint ?? "";
  if (endpoint === "") faults.push(`Semaphore endpoint was not specified. Exiting... (${remedies.endpoint})`);
  else if (!isHost(endpoint)) {
    faults.push(
      `endpoint "${hideCredentials(endpoint)}" is not a host (expected host or host:port, such as acme.semaphoreci.com)`,
    );
  }
  const token = (await attempt(() => loadToken(config))) ?? "";
  const ca = await attempt(() => loadCertificates(config["ca-file"]));
  const base = chooseName(config, env);
  const name = base === undefined ? undefined : toSlotName(base, options);
  const nameFault = name === undefined ? undefined : findNameFault(name, slots);
  if (nameFault !== undefined) faults.push(nameFault);
  if (config["job-id"] && !config["disconnect-after-job"]) {
    faults.push("job-id can only be used if disconnect-after-job is also used. Exiting...");
  }
  if (config["job-id"] && slots > 1) {
    faults.push(`job-id requires an agent with one slot, but slots is ${slots}: set slots to 1`);
  }
  if (config["disconnect-after-idle-timeout"] < 0) faults.push("Idle timeout can't be negative. Exiting...");
  if (faults.length > 0) throw new AgentError("CONFIG_INVALID", faults.join("\n"));

  const isFirst = slot === 0;
  if (isFirst && !config.name && config["name-from-env"]) {
    logger.warn('"name-from-env" is deprecated: use "name" or the variable SEMAPHORE_AGENT_NAME');
  }
  if (isFirst && argv.some((word) => word === "--token" || word.startsWith("--token="))) {
    logger.warn(
      'the registration token is on the command line, where every user of this host can read it: use "token-file" or SEMAPHORE_AGENT_TOKEN',
    );
  }
  return {
    name,
    endpoint,
    origin: toOrigin(config),
    token,
    ca,
    // A signed URL grants the identity that signed it.
    secrets: [token, ...(name !== undefined && isUrlName(name) ? [name] : [])],
    terms: toTerms(config),
    limits: toLimits(config),
  };
}

/** What to do about the settings without which no agent starts. */
export const remedies = {
  endpoint: "set endpoint (--endpoint) to the organization's host, such as acme.semaphoreci.com",
  token:
    "set SEMAPHORE_AGENT_TOKEN, or token-file (--token-file) to a file that only the agent's user can read",
};

/** Returns the configured name, which may be empty; `undefined` when none is configured. */
export function chooseName(config: SemaphoreConfig, env: LoadSettingsOptions["env"]): string | undefined {
  if (config.name) return config.name;
  const variable = config["name-from-env"];
  return variable ? (env[variable] ?? "") : undefined;
}

/** Returns the name of a slot. Each slot is an agent of its own, and names are unique. */
export function toSlotName(name: string, { slot, slots }: { slot: number; slots: number }): string {
  if (isUrlName(name) || slots === 1) return name;
  return `${name}-${slot + 1}`;
}

/**
 * Reads the token from its file or option. Throws `CONFIG_INVALID`, worded as in the reference agent where it
 * has a message.
 */
export async function loadToken(config: SemaphoreConfig): Promise<string> {
  const path = config["token-file"];
  if (config.token && path)
    throw new AgentError(
      "CONFIG_INVALID",
      '"token" and "token-file" exclude each other: set only one of them',
    );
  const token = path ? loadText(path, "token-file").trim() : (config.token ?? "");
  const source = path ? `token-file "${path}"` : "token";
  if (token === "") {
    const why = path ? `${source} is empty` : remedies.token;
    throw new AgentError("CONFIG_INVALID", `Agent registration token was not specified. Exiting... (${why})`);
  }
  if (!isToken(token)) {
    throw new AgentError(
      "CONFIG_INVALID",
      `${source} does not contain a token (expected printable characters without spaces)`,
    );
  }
  return token;
}

/** Returns the default certificates and those of the file; `undefined` without a file. */
export async function loadCertificates(path: string | undefined): Promise<readonly string[] | undefined> {
  if (!path) return undefined;
  const own = loadText(path, "ca-file");
  if (!own.includes("-----BEGIN CERTIFICATE-----")) {
    throw new AgentError("CONFIG_INVALID", `ca-file "${path}" does not contain a certificate (expected PEM)`);
  }
  // Loaded for this option only: it delays the registration.
  const { getCACertificates } = await import("node:tls");
  return [...getCACertificates("default"), own];
}

function loadText(path: string, option: string): string {
  try {
    return readHostFile(path).toString();
  } catch (error) {
    throw new AgentError("CONFIG_INVALID", `${option} "${path}" cannot be read: ${toMessage(error)}`, {
      cause: error,
    });
  }
}

/** Whether the endpoint is a host with an optional port. */
export function isHost(endpoint: string): boolean {
  const url = /^[^\s/?#@\\]+$/.test(endpoint) ? URL.parse(`http://${endpoint}`) : null;
  return url !== null && url.hostname !== "" && url.pathname === "/";
}

export function toOrigin({ endpoint, "no-https": isPlain }: SemaphoreConfig): string {
  return `${isPlain ? "http" : "https"}://${endpoint}`;
}

/** Removes `user:password@`. */
function hideCredentials(endpoint: string): string {
  return endpoint.replace(/[^/]*@/, "");
}

function toTerms(config: SemaphoreConfig): Terms {
  return {
    singleJob: config["disconnect-after-job"],
    jobId: config["job-id"] ?? "",
    idleTimeout: config["disconnect-after-idle-timeout"],
    gracePeriod: config["interruption-grace-period"],
  };
}

function toLimits(config: SemaphoreConfig): Limits {
  const ms = (seconds: number) => Math.round(seconds * 1000);
  return {
    register: { count: config["register-attempts"], intervalMs: ms(config["register-interval"]) },
    getJob: { count: config["get-job-attempts"], intervalMs: ms(config["get-job-interval"]) },
    disconnect: { count: config["disconnect-attempts"], intervalMs: ms(config["disconnect-interval"]) },
    requestTimeoutMs: ms(config["request-timeout"]),
    maxBodyBytes: config["response-size-limit"],
    syncMinMs: ms(config["sync-interval-min"]),
    syncMaxMs: ms(config["sync-interval-max"]),
    syncGiveUpMs: ms(config["sync-give-up"]),
    busyGiveUpMs: ms(config["busy-give-up"]),
    goneGiveUpMs: ms(config["gone-give-up"]),
    interruptGiveUpMs: ms(config["interrupt-give-up"]),
  };
}
