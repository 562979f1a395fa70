/**
 * Fixtures, contract suites and the built-in plugins, for the tests of plugins with `bun test`.
 *
 * @module signalman/testing
 */
import { builtIns } from "../plugins/index.ts";
import type { Plugin } from "./core/contracts/plugin.ts";
import { loadPlugins } from "./core/host/loader.ts";

export * from "./testing/index.ts";

/** Loads a built-in plugin by its name, for the `with` of `testPlugin`: `await builtIn("shell")`. */
export async function builtIn(name: string): Promise<Plugin> {
  const request = { key: name, origin: "built-in" } as const;
  const [loaded] = await loadPlugins([request], { builtIns, lendSdk: async () => {}, directory: "." });
  return loaded!.plugin;
}
