import { dirname, resolve } from "node:path";
import type { ConfigFile, ConfigLayer } from "./file.ts";
import { toHint } from "../text/nearest.ts";
import type { PluginRequest } from "../host/loader.ts";

/** The section of one plugin in one layer. */
export interface PluginPart {
  readonly layer: ConfigLayer;
  readonly values: Readonly<Record<string, unknown>>;
  sourceOf(key: string): string;
}

export interface PluginChoice {
  readonly request: PluginRequest;
  readonly isOn: boolean;
  /** In descending order of precedence. */
  readonly parts: readonly PluginPart[];
}

/**
 * Reads the `plugins:` maps. Built-in plugins come first, in their own order; those that a map names are
 * ordered as in the map. Maps are read from the innermost extended file outwards. Faults are added to
 * `faults`.
 */
export function choosePlugins(
  file: ConfigFile | undefined,
  builtIns: readonly string[],
  faults: string[],
): PluginChoice[] {
  const named = new Map<string, Mutable>();
  for (const layer of file?.layers.toReversed() ?? []) {
    const map = layer.values["plugins"] ?? {};
    if (typeof map !== "object" || Array.isArray(map)) {
      faults.push(
        `plugins (${layer.sourceOf(["plugins"])}): expected a map of plugins, each with its options`,
      );
      continue;
    }
    for (const [key, value] of Object.entries(map)) {
      const sourceOf = (option?: string) =>
        layer.sourceOf(["plugins", key, ...(option === undefined ? [] : [option])]);
      const isPath = /^[./]/.test(key);
      const directory = dirname(layer.file);
      const id = isPath ? resolve(directory, key) : key;
      const choice: Mutable = named.get(id) ?? {
        request: {
          key: isPath && directory !== file?.directory ? id : key,
          origin: builtIns.includes(key) ? "built-in" : "external",
        },
        isOn: true,
        parts: [],
      };
      if (typeof value === "object" && !Array.isArray(value)) {
        choice.parts.unshift({ layer, values: (value ?? {}) as ConfigLayer["values"], sourceOf });
      } else if (typeof value !== "boolean") {
        faults.push(`plugins.${key} (${sourceOf()}): expected options, true or false`);
      }
      choice.isOn = value !== false;
      if (value === false && choice.request.origin === "external" && !isPath && !key.includes("/")) {
        const hint = toHint(key, builtIns);
        faults.push(
          `plugins.${key} (${sourceOf()}): no plugin named "${key}"${hint}, so that it cannot be turned off`,
        );
      }
      named.set(id, choice);
    }
  }
  const others = builtIns.filter((name) => !named.has(name));
  return [
    ...others.map((key): PluginChoice => ({ request: { key, origin: "built-in" }, isOn: true, parts: [] })),
    ...named.values(),
  ];
}

interface Mutable {
  readonly request: PluginRequest;
  isOn: boolean;
  readonly parts: PluginPart[];
}
