import type { PluginOrigin } from "../contracts/host.ts";
import { toDuration, withDeadline } from "./deadline.ts";
import { AgentError, toMessage } from "../errors.ts";
import { toHint } from "../text/nearest.ts";
import type { Plugin } from "../contracts/plugin.ts";
import { type ExternalOrigin, findPluginEntry } from "./entry.ts";
import { addPluginSource, findPlace } from "./plugin-source.ts";
import { assertPackageVersion, assertWrittenVersion, versionNote } from "./plugin-version.ts";
import { assertPlugin } from "./shape.ts";

export interface LoadedPlugin {
  readonly plugin: Plugin;
  readonly origin: PluginOrigin;
}

/** Name → module, as `plugins/index.ts` lists them. */
export type BuiltInPlugins = Readonly<Record<string, () => Promise<{ readonly default: Plugin }>>>;

/** A key of `plugins:` in the configuration: a built-in plugin, a path (`./x.ts`), or a package. */
export interface PluginRequest {
  readonly key: string;
  readonly origin: "built-in" | "external";
}

export interface LoadPluginsOptions {
  readonly builtIns: BuiltInPlugins;
  /** Called before the first external plugin is loaded. */
  readonly lendSdk: () => Promise<void>;
  /** Paths are relative to it and packages are searched from it: the directory of the configuration file. */
  readonly directory: string;
  /** Deadline of each import. Default: 10 s. */
  readonly importMs?: number;
  /** Called with the file of each external plugin before it is loaded. Throws when it must not be. */
  readonly assertFile?: ((path: string, specifier: string) => void) | undefined;
}

/** Loads plugins, in the order of `requests`, and checks their shape. Sets nothing up. */
export async function loadPlugins(
  requests: readonly PluginRequest[],
  options: LoadPluginsOptions,
): Promise<LoadedPlugin[]> {
  if (requests.some(({ origin }) => origin === "external")) await options.lendSdk();
  const loaded = await Promise.all(
    requests.map(({ key, origin }) =>
      origin === "built-in" ? loadBuiltIn(key, options.builtIns) : loadExternal(key, options),
    ),
  );
  assertNamesUnique(loaded, options.builtIns);
  return loaded;
}

async function loadBuiltIn(name: string, builtIns: BuiltInPlugins): Promise<LoadedPlugin> {
  const load = Object.hasOwn(builtIns, name) ? builtIns[name] : undefined;
  if (load === undefined) {
    throw new AgentError("PLUGIN_UNKNOWN", `no plugin named "${name}"${toHint(name, Object.keys(builtIns))}`);
  }
  return { plugin: (await load()).default, origin: { kind: "built-in" } };
}

async function loadExternal(
  specifier: string,
  { builtIns, directory, importMs = 10_000, assertFile }: LoadPluginsOptions,
): Promise<LoadedPlugin> {
  const origin = findPluginEntry(specifier, directory, Object.keys(builtIns));
  assertFile?.(origin.path, specifier);
  const source = toSource(origin);
  assertPackageVersion(origin.path, source);
  const late = () =>
    new AgentError(
      "PLUGIN_SLOW",
      `${source} did not load within ${toDuration(importMs)}: its top-level code is still waiting`,
    );
  const known = addPluginSource({ name: specifier, path: origin.path, base: directory });
  const work = importDefault(origin.path).catch((cause: unknown) => {
    assertWrittenVersion(origin.path, source, cause);
    const place = findPlace(cause)?.place;
    const where = place === undefined ? "" : ` (${place})`;
    throw new AgentError("PLUGIN_FAILED", `${source} failed to load${where}: ${toImportMessage(cause)}`, {
      cause,
    });
  });
  const plugin = await withDeadline(work, importMs, late);
  assertPlugin(plugin, source);
  known.name = plugin.name;
  return { plugin, origin };
}

async function importDefault(path: string): Promise<unknown> {
  const exported = ((await import(path)) as { readonly default?: unknown }).default;
  // In a CommonJS file compiled from ESM the default export is one level deeper.
  const inner = (exported as { readonly __esModule?: unknown; readonly default?: unknown } | undefined)
    ?.default;
  return inner ?? exported;
}

/** Two plugins with the same name would share a section of the configuration and a tag in the log. */
function assertNamesUnique(loaded: readonly LoadedPlugin[], builtIns: BuiltInPlugins): void {
  const owners = new Map(Object.keys(builtIns).map((name) => [name, "the built-in plugin"]));
  for (const { plugin, origin } of loaded) {
    if (origin.kind === "built-in") continue;
    const owner = owners.get(plugin.name);
    if (owner !== undefined) {
      throw new AgentError(
        "PLUGIN_INVALID",
        `${toSource(origin)} has the name "${plugin.name}", which ${owner} has already`,
      );
    }
    owners.set(plugin.name, toSource(origin));
  }
}

function toSource({ specifier, path }: ExternalOrigin): string {
  return `"${specifier}" (${path})`;
}

/** The message of an error at import, with line and column of a syntax error. */
function toImportMessage(thrown: unknown): string {
  const message = describeImportError(thrown);
  const isMissing = /not found in module ["']signalman|cannot find (module|package) ["']signalman/i.test(
    message,
  );
  return isMissing
    ? `${message.replace(/\.$/, "")}${versionNote}, and the plugin may need another version`
    : message;
}

function describeImportError(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(describeImportError).join("; ");
  if (!(thrown instanceof BuildMessage) || thrown.position === null) return toMessage(thrown);
  return `${thrown.message} (line ${thrown.position.line}, column ${thrown.position.column})`;
}
