import { builtIns } from "../../plugins/index.ts";
import { type DeclaredOptions, declareOptions } from "../../src/config/flags.ts";
import { coreOptions } from "../../src/config/options.ts";

/** The options of the core and of every built-in plugin. */
export async function declareBuiltIns(): Promise<DeclaredOptions[]> {
  const plugins = await Promise.all(Object.values(builtIns).map(async (load) => (await load()).default));
  return declareOptions([coreOptions, ...plugins]);
}
