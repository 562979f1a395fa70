import type { Program } from "../../core/contracts/command.ts";
import type { EffectiveConfig } from "../../core/contracts/options.ts";
import { coreName } from "../../core/config/flags.ts";
import { AgentError } from "../../core/errors.ts";
import type { CoreConfig } from "./index.ts";

/** Returns the values of the core's options; `undefined` when they could not be resolved. */
export function findCore(config: Pick<EffectiveConfig, "of">): CoreConfig | undefined {
  return config.of(coreName) as CoreConfig | undefined;
}

/** Returns the values of the core's options. */
export function readCore({ config }: Pick<Program, "config">): CoreConfig {
  const core = findCore(config);
  if (core === undefined) {
    throw new AgentError(
      "CONFIG_INVALID",
      "the agent's options are invalid: signalman config check lists the faults",
    );
  }
  return core;
}
