import type { EffectiveConfig } from "./options.ts";

/** The result of a check. A warning or an error comes with a remedy. */
export type Finding = {
  /** One line: the subject and its state. Contains no secrets. */
  readonly title: string;
  /** Further explanation, where one line is not enough. */
  readonly detail?: string;
} & (
  | { readonly level: "ok"; readonly remedy?: undefined }
  /** `warning`: jobs run, with a disadvantage. `error`: the agent does not start, or jobs fail. */
  | { readonly level: "warning" | "error"; readonly remedy: string }
);

/** What a check receives. */
export interface CheckContext {
  /** Aborts at the check's deadline. An answer within one second after that is still accepted. */
  readonly signal: AbortSignal;
  /** The effective configuration. When it has faults, the part that is valid. */
  readonly config: EffectiveConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * A check of `signalman doctor`: tests whether something that jobs need is present and in order.
 *
 * `run` changes nothing and registers nothing. It may be called on a machine where everything is broken, and
 * while an agent runs. All checks run concurrently. What `run` throws is reported as an error that names the
 * plugin, as is a check that misses its deadline.
 */
export interface Check {
  run(context: CheckContext): readonly Finding[] | Promise<readonly Finding[]>;
}
