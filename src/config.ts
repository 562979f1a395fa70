/** One option as it was decided, for `signalman config`. */
export interface EffectiveOption {
  /** Plugin that owns it; `core` for our own. */
  readonly owner: string;
  /** The flag without dashes, which is also the flat key; or `plugins.<owner>.<key>` when it has no flag. */
  readonly key: string;
  readonly value: unknown;
  readonly secret: boolean;
  /** `flag`, `environment`, `file` or `default`, and which one: `--token`, `SEMAPHORE_AGENT_TOKEN`, `config.yaml:3`. */
  readonly source: { readonly kind: "flag" | "environment" | "file" | "default"; readonly name: string };
}

export interface EffectiveConfig {
  /** Path of the configuration file, when there is one. */
  readonly file: string | undefined;
  readonly options: readonly EffectiveOption[];
  /** The validated config of the core (`core`) or of a plugin, by name. */
  of(owner: string): unknown;
}
