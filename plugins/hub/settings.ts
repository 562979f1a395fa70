/** What a hub can be told. Times are of the server as it is operated; `timeScale` makes them shorter. */
export interface SettingsOptions {
  /** The registration token of the agent type. Default: a random one. */
  readonly token?: string | undefined;
  /** How long agents are told to wait, in ms; taken as it stands. Default: 4000 to 6000, divided by the time scale. */
  readonly syncIntervalMs?: number | readonly [from: number, to: number] | undefined;
  /** Above this a log takes no more. Default: 16 MiB; 0: no limit. */
  readonly logLimitBytes?: number | undefined;
  /** Divides every time of the server. Default: 1. */
  readonly timeScale?: number | undefined;
  /** `new`: the server after September 2026 (protocol section 0). Default: `old`. */
  readonly generation?: Generation | undefined;
  /** How many agents may be registered; `off`: the feature is; `unavailable`: nobody knows. Default: 1000. */
  readonly quota?: Quota | undefined;
  /** Where names come from (protocol section 2.2). Default: `agent`. */
  readonly nameOrigin?: "agent" | StsOrigin | undefined;
  /** How long the name of an agent that disconnected is held. Default: 0. */
  readonly nameHoldMs?: number | undefined;
  /** From the first fetch of a job to the loss of its secrets. Default: 200. */
  readonly sanitizeDelayMs?: number | undefined;
  /** The bucket of register and disconnect; the new generation's. Default: none. */
  readonly rateLimit?: RateLimit | undefined;
}

export type Generation = "old" | "new";
export type Quota = number | "off" | "unavailable";

/** Names are taken from the identity behind a pre-signed URL. */
export interface StsOrigin {
  readonly accountId: string;
  /** Comma-separated; `*` matches anything. */
  readonly roles: string;
}

export interface RateLimit {
  readonly burst: number;
  readonly perSecond: number;
}

/** Everything is decided. Milliseconds. */
export interface Settings {
  readonly token: string;
  readonly generation: Generation;
  readonly syncIntervalMs: readonly [from: number, to: number];
  readonly logLimitBytes: number;
  readonly nameOrigin: "agent" | StsOrigin;
  readonly nameHoldMs: number;
  readonly sanitizeDelayMs: number;
  readonly rateLimit: RateLimit | undefined;
  /** A row that never synced lives this long, one without a job, and any other (protocol section 2.6). */
  readonly firstSyncMs: number;
  readonly idleMs: number;
  readonly busyMs: number;
  readonly cleanerMs: number;
  /** How long a registration may be repeated under the same name. */
  readonly registerAgainMs: number;
  readonly logTokenMs: number;
  /** How long a job may run, and how long it may wait. */
  readonly jobLimitMs: number;
  readonly queueLimitMs: number;
}

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
