import { resolveConfig } from "../core/config/config.ts";
import type { ConfigLayer } from "../core/config/file.ts";
import { AgentError } from "../core/errors.ts";
import { declareOptions } from "../core/config/flags.ts";
import { toHint } from "../core/text/nearest.ts";
import type { Plugin } from "../core/contracts/plugin.ts";

/** Values for the options of the plugin under test. */
export interface GivenOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly flags?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Resolves the options of all `plugins` as the program does. The given values are for the plugin `name`. */
export async function resolveTestConfig(
  plugins: readonly Plugin[],
  name: string,
  { config = {}, flags = {}, env = {} }: GivenOptions,
): Promise<(plugin: string) => unknown> {
  const declared = await declareOptions(plugins);
  const options = declared.find(({ owner }) => owner.name === name)?.options ?? [];
  const known = options.flatMap(({ flag }) => flag ?? []);
  const unknown = Object.keys(flags).find((flag) => !known.includes(flag));
  if (unknown !== undefined) {
    throw new AgentError("USAGE_INVALID", `unknown flag "--${unknown}"${toHint(unknown, known)}`);
  }
  const sourceOf = (key?: string): string => `config of the test: ${key ?? name}`;
  const layer: ConfigLayer = { file: "the test", values: {}, sourceOf: (path) => sourceOf(path.at(-1)) };
  const resolved = await resolveConfig({
    declared,
    flags: new Map(Object.entries(flags).map(([flag, text]) => [flag, [text]])),
    env,
    file: { path: "the test", directory: ".", environments: [], layers: [layer] },
    parts: new Map([[name, [{ layer, values: config, sourceOf }]]]),
    explainUnknown: async () => "",
  });
  if (resolved.faults.length > 0) throw new AgentError("CONFIG_INVALID", resolved.faults.join("\n"));
  return (plugin) => resolved.config.of(plugin);
}
