import { builtIns } from "../../plugins/index.ts";
import type { Plugin } from "../core/contracts/plugin.ts";
import { loadPlugins } from "../core/host/loader.ts";

/** Loads a built-in plugin by its name, for the `with` of `testPlugin`: `await builtIn("shell")`. */
export async function builtIn(name: string): Promise<Plugin> {
  const request = { key: name, origin: "built-in" } as const;
  const [loaded] = await loadPlugins([request], { builtIns, lendSdk: async () => {}, directory: "." });
  return loaded!.plugin;
}
