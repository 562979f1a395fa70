import * as v from "valibot";
import { coreName } from "../../core/config/flags.ts";
import type { OptionOwner } from "../../core/contracts/options.ts";
import type { Flags } from "../../core/contracts/plugin.ts";
import { agentEntries } from "./agent.ts";
import { configurationEntries } from "./configuration.ts";
import { jobEntries } from "./jobs.ts";
import { limitEntries } from "./limits.ts";
import { logEntries } from "./log.ts";
import { provisionEntries } from "./provisions.ts";

/** The values of the options that belong to no plugin, by key: `docs/configuration.md` describes them. */
export type CoreConfig = v.InferOutput<typeof coreConfig>;

/**
 * The core's options. Metadata of their schemas: `secret`; `from`, the sources of the option besides its
 * flag; `hint`, a placeholder of the value; `defaultText`, the default in words where it depends on the
 * machine; `status`, whether it is deprecated or unsupported; `script`, where a script runs whose path is the
 * value.
 */
export const coreConfig = v.strictObject({
  ...configurationEntries,
  ...logEntries,
  ...agentEntries,
  ...jobEntries,
  ...limitEntries,
  ...provisionEntries,
});

type Input = v.InferInput<typeof coreConfig>;

/** Every option has the flag of its name. */
const flags: Flags<Input> = Object.fromEntries(
  (Object.keys(coreConfig.entries) as (keyof Input)[]).map((name) => [name, name]),
);

/** The declaration of the core's options, as a plugin declares its own. */
export const coreOptions: OptionOwner = { name: coreName, config: coreConfig, flags };
