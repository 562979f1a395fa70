import type { StandardSchemaV1 } from "./standard-schema.ts";

/** The core or a plugin, as the owner of options. */
export interface OptionOwner {
  readonly name: string;
  readonly description?: string;
  readonly config?: StandardSchemaV1;
  readonly flags?: Readonly<Record<string, string>>;
}

/** The type of an option's value, as far as text can be converted to it. `any`: the schema alone decides. */
export type ValueType =
  | { readonly kind: "string" | "integer" | "number" | "boolean" | "any" }
  | { readonly kind: "list" | "map"; readonly items: ValueType };

/** `deprecated`: works; the description names the replacement. `unsupported`: the agent refuses to start with it. */
export type OptionStatus = "deprecated" | "unsupported";

/** What the migration of another agent's installation must know about an option. */
export interface OptionMigration {
  /** Key of the option that reads the value from a file: a better place for a secret. */
  readonly fileOption?: string;
}

/** Where the script of an option runs: in the agent's working directory, or in a job's session. */
export type ScriptPlace = "agent" | "session";

/** The part of JSON Schema that the program reads. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly examples?: readonly unknown[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly writeOnly?: boolean;
  /** Metadata of a schema that is used by the program and not published. */
  readonly secret?: boolean;
  readonly defaultText?: string;
  readonly delaysShutdown?: boolean;
  readonly hint?: string;
  readonly from?: readonly string[];
  readonly status?: OptionStatus;
  readonly migration?: OptionMigration;
  readonly script?: ScriptPlace;
  readonly [keyword: string]: unknown;
}

/** One option, with everything that follows from its declaration. */
export interface Option {
  readonly owner: string;
  /** Key in the owner's config. */
  readonly name: string;
  /** The flag without dashes. An option without a flag can be set only in the file, under `plugins`. */
  readonly flag: string | undefined;
  readonly variable: string | undefined;
  /** Whether the configuration file may contain it. */
  readonly inFile: boolean;
  /** The flag, or `plugins.<owner>.<name>`: its name in tables and messages. */
  readonly key: string;
  readonly type: ValueType;
  readonly description: string;
  readonly default: unknown;
  /** Description of a default that depends on the machine. */
  readonly defaultText: string | undefined;
  readonly choices: readonly unknown[] | undefined;
  /** Placeholder of the value in one or two words: `seconds`. */
  readonly hint: string | undefined;
  readonly required: boolean;
  readonly secret: boolean;
  /** Whether the value, in seconds, adds to the agent's shutdown time (`v.metadata({ delaysShutdown: true })`). */
  readonly delaysShutdown: boolean;
  readonly status: OptionStatus | undefined;
  readonly migration: OptionMigration | undefined;
  readonly schema: JsonSchema;
}

/** All options of one owner. */
export interface DeclaredOptions {
  readonly owner: OptionOwner;
  readonly options: readonly Option[];
  /** Schema of the owner's whole config; `undefined` when its library cannot describe it. */
  readonly schema: JsonSchema | undefined;
}

export interface OptionSource {
  readonly kind: "flag" | "environment" | "file" | "default";
  /** `--token`, `SEMAPHORE_AGENT_TOKEN`, `config.yaml:3` or `default`. */
  readonly name: string;
}

/** One option with its effective value. */
export interface EffectiveOption {
  /** The plugin that owns it, or `core`. */
  readonly owner: string;
  /** The flag without dashes, which is also the flat key; `plugins.<owner>.<key>` for an option without a flag. */
  readonly key: string;
  readonly value: unknown;
  readonly secret: boolean;
  /** As in {@link Option}; left out when it is false. */
  readonly delaysShutdown?: boolean;
  readonly source: OptionSource;
}

export interface EffectiveConfig {
  /** Path of the configuration file, if there is one. */
  readonly file: string | undefined;
  readonly options: readonly EffectiveOption[];
  /** Returns the validated config of the core (`core`) or of a plugin, by name. */
  of(owner: string): unknown;
}
