import { builtIns } from "../../plugins/index.ts";
import type { DeclaredOptions } from "../../src/core/contracts/options.ts";
import { declareOptions } from "../../src/core/config/flags.ts";
import { coreOptions } from "../../src/agent/options/index.ts";

/** Lists the options of the core and of all built-in plugins. */
export async function declareBuiltIns(): Promise<DeclaredOptions[]> {
  const plugins = await Promise.all(Object.values(builtIns).map(async (load) => (await load()).default));
  return declareOptions([coreOptions, ...plugins]);
}
