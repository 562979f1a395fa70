import { builtIns } from "../../plugins/index.ts";
import type { DeclaredOptions } from "../../src/core/contracts/options.ts";
import { declareOptions } from "../../src/core/config/flags.ts";
import { coreOptions } from "../../src/agent/core-options.ts";

/** The options of the core and of every built-in plugin. */
export async function declareBuiltIns(): Promise<DeclaredOptions[]> {
  const plugins = await Promise.all(Object.values(builtIns).map(async (load) => (await load()).default));
  return declareOptions([coreOptions, ...plugins]);
}
