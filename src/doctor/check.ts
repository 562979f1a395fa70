import type { EffectiveConfig } from "../config/config.ts";

/** What a check found out. What is not in order comes with what to do about it. */
export type Finding = {
  /** One line: what it is about, and how that is. No secrets. */
  readonly title: string;
  /** More about it, where one line is not enough. */
  readonly detail?: string;
} & (
  | { readonly level: "ok"; readonly remedy?: undefined }
  /** `warning`: jobs run, and something costs them or their operator. `error`: the agent does not start, or jobs fail. */
  | { readonly level: "warning" | "error"; readonly remedy: string }
);

export interface CheckContext {
  /** Aborts when the time is over. A check that answers within a second after that is still heard. */
  readonly signal: AbortSignal;
  /** Every option as it was decided. With faults in the configuration, what can be had. */
  readonly config: EffectiveConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Looks whether something that jobs need is there and in order, for `signalman doctor`.
 *
 * `run` changes nothing, registers nothing, and may be called on a machine where everything is broken, while an agent runs. All checks run
 * at once. What it throws becomes an error that names the plugin, as does an answer that does not come in time.
 */
export interface Check {
  run(context: CheckContext): readonly Finding[] | Promise<readonly Finding[]>;
}
