import { readFile } from "node:fs/promises";
import { getCACertificates } from "node:tls";
import { AgentError, type Logger, toMessage } from "signalman";
import { findNameFault, isUrlName } from "./agent-name.ts";
import type { SemaphoreConfig } from "./config.ts";
import { isToken } from "./wire.ts";

/** What an agent starts with: checked, complete, durations in milliseconds where the name says so. */
export interface Settings {
  /** `undefined`: a generated one. */
  readonly name: string | undefined;
  readonly endpoint: string;
  readonly origin: string;
  readonly token: string;
  readonly ca: readonly string[] | undefined;
  /** What no message may hold. */
  readonly secrets: readonly string[];
  readonly terms: Terms;
  readonly limits: Limits;
}

/** What the control plane is told at registration, and holds an agent to (seconds). */
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
  /** The command line, for the warning about a token in it. */
  readonly argv: readonly string[];
  readonly logger: Logger;
  /** Which of the agent's slots it is for, from 0, and how many there are. */
  readonly slot: number;
  readonly slots: number;
}

/** Checks what only `start` needs. All faults are in one `CONFIG_INVALID`, in the reference's words where it has some. */
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
  if (endpoint === "") faults.push("Semaphore endpoint was not specified. Exiting...");
  else if (!isHost(endpoint)) {
    faults.push(
      `endpoint "${hideCredentials(endpoint)}" is no host (expected host or host:port, such as acme.semaphoreci.com)`,
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
    faults.push(`job-id is for an agent with one slot, and this one has ${slots}: set slots to 1`);
  }
  if (config["disconnect-after-idle-timeout"] < 0) faults.push("Idle timeout can't be negative. Exiting...");
  if (faults.length > 0) throw new AgentError("CONFIG_INVALID", faults.join("\n"));

  const isFirst = slot === 0;
  if (isFirst && !config.name && config["name-from-env"]) {
    logger.warn('"name-from-env" is deprecated: use "name", or its variable SEMAPHORE_AGENT_NAME');
  }
  if (isFirst && argv.some((word) => word === "--token" || word.startsWith("--token="))) {
    logger.warn(
      'the registration token stands on the command line, where every user of this host can read it: use "token-file" or SEMAPHORE_AGENT_TOKEN',
    );
  }
  return {
    name,
    endpoint,
    origin: toOrigin(config),
    token,
    ca,
    // A signed URL is as good as the identity that signed it.
    secrets: [token, ...(name !== undefined && isUrlName(name) ? [name] : [])],
    terms: toTerms(config),
    limits: toLimits(config),
  };
}

/** The name that somebody gave, also an empty one; `undefined`: nobody did. */
export function chooseName(config: SemaphoreConfig, env: LoadSettingsOptions["env"]): string | undefined {
  if (config.name) return config.name;
  const variable = config["name-from-env"];
  return variable ? (env[variable] ?? "") : undefined;
}

/** Each slot is an agent of its own, and two of one name cannot be. */
export function toSlotName(name: string, { slot, slots }: { slot: number; slots: number }): string {
  if (isUrlName(name) || slots === 1) return name;
  return `${name}-${slot + 1}`;
}

/** From its file or its option. Throws `CONFIG_INVALID`, in the reference's words where it has some. */
export async function loadToken(config: SemaphoreConfig): Promise<string> {
  const path = config["token-file"];
  if (config.token && path)
    throw new AgentError("CONFIG_INVALID", '"token" and "token-file" exclude each other: give one of them');
  const token = path ? (await loadText(path, "token-file")).trim() : (config.token ?? "");
  const source = path ? `token-file "${path}"` : "token";
  if (token === "") {
    const missing = path ? ` (${source} is empty)` : "";
    throw new AgentError(
      "CONFIG_INVALID",
      `Agent registration token was not specified. Exiting...${missing}`,
    );
  }
  if (!isToken(token)) {
    throw new AgentError(
      "CONFIG_INVALID",
      `${source} holds no token (expected printable characters without spaces)`,
    );
  }
  return token;
}

/** The usual certificates and those of a file; `undefined`: the usual ones. */
export async function loadCertificates(path: string | undefined): Promise<readonly string[] | undefined> {
  if (!path) return undefined;
  const own = await loadText(path, "ca-file");
  if (!own.includes("-----BEGIN CERTIFICATE-----")) {
    throw new AgentError("CONFIG_INVALID", `ca-file "${path}" holds no certificate (expected PEM)`);
  }
  return [...getCACertificates("default"), own];
}

async function loadText(path: string, option: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new AgentError("CONFIG_INVALID", `${option} "${path}" cannot be read: ${toMessage(error)}`, {
      cause: error,
    });
  }
}

/** `acme.semaphoreci.com`, or with a port. */
export function isHost(endpoint: string): boolean {
  const url = /^[^\s/?#@\\]+$/.test(endpoint) ? URL.parse(`http://${endpoint}`) : null;
  return url !== null && url.hostname !== "" && url.pathname === "/";
}

export function toOrigin({ endpoint, "no-https": isPlain }: SemaphoreConfig): string {
  return `${isPlain ? "http" : "https"}://${endpoint}`;
}

/** `user:password@`. */
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
    syncMinMs: ms(config["sync-interval-min"]),
    syncMaxMs: ms(config["sync-interval-max"]),
    syncGiveUpMs: ms(config["sync-give-up"]),
    busyGiveUpMs: ms(config["busy-give-up"]),
    goneGiveUpMs: ms(config["gone-give-up"]),
    interruptGiveUpMs: ms(config["interrupt-give-up"]),
  };
}
