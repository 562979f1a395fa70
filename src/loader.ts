import type { Plugin } from "./plugin.ts";

/** Where a plugin came from. */
export type PluginOrigin =
  | { readonly kind: "built-in" }
  | { readonly kind: "file" | "package"; readonly specifier: string; readonly path: string };

export interface LoadedPlugin {
  readonly plugin: Plugin;
  readonly origin: PluginOrigin;
}

/** name → its module, as `plugins/index.ts` lists them. */
export type BuiltInPlugins = Readonly<Record<string, () => Promise<{ readonly default: Plugin }>>>;
