/** Settings of a hub. Times default to those of the production server; `timeScale` shortens them. */
export interface SettingsOptions {
  /** The registration token of the agent type. Default: a random token. */
  readonly token?: string | undefined;
  /**
   * Milliseconds between two syncs, not divided by the time scale. Default: 4000 to 6000, divided by the time
   * scale.
   */
  readonly syncIntervalMs?: number | readonly [from: number, to: number] | undefined;
  /** Maximum size of a log in bytes; 0 for no limit. Default: 16 MiB. */
  readonly logLimitBytes?: number | undefined;
  /** Factor by which the server's times are divided. Default: 1. */
  readonly timeScale?: number | undefined;
  /** `new` behaves like the server after September 2026 (protocol section 0). Default: `old`. */
  readonly generation?: Generation | undefined;
  /**
   * Maximum number of registered agents; `off` disables the feature, `unavailable` makes the quota service
   * fail. Default: 1000.
   */
  readonly quota?: Quota | undefined;
  /** Source of the agents' names (protocol section 2.2). Default: `agent`. */
  readonly nameOrigin?: "agent" | StsOrigin | undefined;
  /** Milliseconds for which the name of a disconnected agent stays reserved. Default: 0. */
  readonly nameHoldMs?: number | undefined;
  /** Milliseconds from the first fetch of a job to the removal of its secrets. Default: 200. */
  readonly sanitizeDelayMs?: number | undefined;
  /** Rate limit of registration and disconnect calls, in the new generation only. Default: none. */
  readonly rateLimit?: RateLimit | undefined;
}

export type Generation = "old" | "new";
export type Quota = number | "off" | "unavailable";

/** Takes an agent's name from the AWS identity behind a pre-signed URL. */
export interface StsOrigin {
  readonly accountId: string;
  /** Comma-separated patterns of allowed roles; `*` matches any text. */
  readonly roles: string;
}

export interface RateLimit {
  readonly burst: number;
  readonly perSecond: number;
}

/** Settings with all defaults applied. */
export interface Settings {
  readonly token: string;
  readonly generation: Generation;
  readonly syncIntervalMs: readonly [from: number, to: number];
  readonly logLimitBytes: number;
  readonly nameOrigin: "agent" | StsOrigin;
  readonly nameHoldMs: number;
  readonly sanitizeDelayMs: number;
  readonly rateLimit: RateLimit | undefined;
  /** Time until the cleaner removes an agent that never synced (protocol section 2.6). */
  readonly firstSyncMs: number;
  /** Time until the cleaner removes a silent agent without a job. */
  readonly idleMs: number;
  /** Time until the cleaner removes a silent agent with a job. */
  readonly busyMs: number;
  /** Interval of the cleaner. */
  readonly cleanerMs: number;
  /** Time for which a registration may be repeated under the same name. */
  readonly registerAgainMs: number;
  /** Lifetime of a log token. */
  readonly logTokenMs: number;
  /** Maximum running time of a job. */
  readonly jobLimitMs: number;
  /** Maximum time that a job may be queued. */
  readonly queueLimitMs: number;
}

/** Longest duration that a timer of the runtime holds; a longer one would fire after 1 ms. */
export const longestMs = 2 ** 31 - 1;

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

export function toSettings(options: SettingsOptions = {}): Settings {
  const { timeScale = 1, syncIntervalMs = [4 * secondMs, 6 * secondMs].map((ms) => ms / timeScale) } =
    options;
  const [from = 0, to = from] = typeof syncIntervalMs === "number" ? [syncIntervalMs] : syncIntervalMs;
  return {
    token: options.token ?? crypto.randomUUID().replaceAll("-", ""),
    generation: options.generation ?? "old",
    syncIntervalMs: [from, to],
    logLimitBytes: options.logLimitBytes ?? 16 * 1024 * 1024,
    nameOrigin: options.nameOrigin ?? "agent",
    nameHoldMs: (options.nameHoldMs ?? 0) / timeScale,
    sanitizeDelayMs: (options.sanitizeDelayMs ?? 200) / timeScale,
    rateLimit: options.rateLimit,
    firstSyncMs: minuteMs / timeScale,
    idleMs: (3 * minuteMs) / timeScale,
    busyMs: (15 * minuteMs) / timeScale,
    cleanerMs: minuteMs / timeScale,
    registerAgainMs: (5 * minuteMs) / timeScale,
    logTokenMs: hourMs / timeScale,
    jobLimitMs: (24 * hourMs) / timeScale,
    queueLimitMs: (24 * hourMs) / timeScale,
  };
}
