import { existsSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { readConfigFile, toUnreadable } from "./parse.ts";
import { AgentError } from "../errors.ts";
import { toHint } from "../text/nearest.ts";

/** The values of one file, or of its part for one environment. */
export interface ConfigLayer {
  readonly file: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Returns `config.yaml:3` for a key of `values`; the line is left out when it is unknown. */
  sourceOf(path: readonly string[]): string;
}

export interface ConfigFile {
  readonly path: string;
  /** The paths of plugins are relative to it, and packages are searched from it. */
  readonly directory: string;
  /** Names of all environments, whichever is selected. */
  readonly environments: readonly string[];
  /** In descending order of precedence. */
  readonly layers: readonly ConfigLayer[];
}

export interface LoadConfigFileOptions {
  /** Selects `$<name>:` and `$env.<name>` of each file, which take precedence over the rest of the file. */
  readonly environment: string | undefined;
  /** Messages name files relative to it. */
  readonly cwd: string;
  /** Called before each file is read. Throws when it must not be. */
  readonly assertFile?: ((path: string) => void) | undefined;
}

/** Finds the configuration file with this name, whatever its format is. */
export function findConfigFile(directory: string, name: string): string | undefined {
  return ["ts", "js", "mjs", "yaml", "yml", "json", "jsonc", "toml"]
    .map((extension) => resolve(directory, `${name}.${extension}`))
    .find((path) => existsSync(path));
}

/** Reads a configuration file and the local files that it extends. Throws `CONFIG_UNREADABLE` or `CONFIG_INVALID`. */
export async function loadConfigFile(path: string, options: LoadConfigFileOptions): Promise<ConfigFile> {
  const { environment } = options;
  const environments = new Set<string>();
  const layers = await loadLayers(path, { ...options, environments, ancestors: [] });
  if (environment !== undefined && !environments.has(environment)) {
    const hint = toHint(environment, environments) || ": the file has no environments";
    const shown = toShown(path, options.cwd);
    throw new AgentError("CONFIG_INVALID", `no environment "${environment}" in ${shown}${hint}`);
  }
  return { path, directory: dirname(path), environments: [...environments], layers };
}

type Values = Readonly<Record<string, unknown>>;

interface Loading extends LoadConfigFileOptions {
  /** Collects the names of all environments. */
  readonly environments: Set<string>;
  readonly ancestors: readonly string[];
}

/** Keys that begin with a dollar sign and are not the name of an environment. */
const dollarKeys: ReadonlySet<string> = new Set(["$env", "$meta", "$schema"]);

async function loadLayers(path: string, loading: Loading): Promise<ConfigLayer[]> {
  const ancestors = [...loading.ancestors, path];
  const shown = toShown(path, loading.cwd);
  if (loading.ancestors.includes(path)) {
    const circle = ancestors.map((file) => toShown(file, loading.cwd));
    throw new AgentError("CONFIG_INVALID", `"extends" forms a circle: ${circle.join(" → ")}`);
  }
  loading.assertFile?.(path);
  const { content, findLine } = await readConfigFile(path, shown);
  const values = toMap(content, `"${shown}"`);
  const toLayer = (prefix: readonly string[], part: Values): ConfigLayer => ({
    file: path,
    values: Object.fromEntries(
      Object.entries(part).filter(([key]) => key !== "extends" && !key.startsWith("$")),
    ),
    sourceOf(key) {
      const line = findLine([...prefix, ...key]);
      return line === undefined ? shown : `${shown}:${line}`;
    },
  });

  const chosen = [];
  for (const { name, key, part } of findParts(values, shown)) {
    loading.environments.add(name);
    if (name === loading.environment) chosen.push({ key, part });
  }
  const layers = [...chosen.map(({ key, part }) => toLayer(key, part)), toLayer([], values)];
  for (const { part } of [...chosen, { part: values }]) {
    for (const target of toTargets(part["extends"], path, shown)) {
      if (!existsSync(target)) {
        throw toUnreadable(toShown(target, loading.cwd), `file not found (extended by ${shown})`);
      }
      layers.push(...(await loadLayers(target, { ...loading, ancestors })));
    }
  }
  return layers;
}

interface EnvironmentPart {
  readonly name: string;
  readonly key: readonly string[];
  readonly part: Values;
}

/** Lists `$env: { staging: … }` and `$staging:`; of two with the same name the first takes precedence. */
function findParts(values: Values, shown: string): EnvironmentPart[] {
  const named = Object.entries(toMap(values["$env"] ?? {}, `"$env" in ${shown}`));
  const flat = Object.entries(values).filter(([key]) => key.startsWith("$") && !dollarKeys.has(key));
  const parts = [
    ...named.map(([name, part]) => ({ name, key: ["$env", name], part })),
    ...flat.map(([key, part]) => ({ name: key.slice(1), key: [key], part })),
  ];
  return parts.map(({ name, key, part }) => ({
    name,
    key,
    part: toMap(part ?? {}, `"${key.join(".")}" in ${shown}`),
  }));
}

function toMap(value: unknown, what: string): Values {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Values;
  throw new AgentError("CONFIG_INVALID", `${what} must contain options by name (as in log-level: debug)`);
}

function toTargets(value: unknown, from: string, shown: string): string[] {
  if (value === undefined || value === null) return [];
  return [value].flat().map((target) => {
    if (typeof target !== "string") {
      throw new AgentError(
        "CONFIG_INVALID",
        `"extends" in ${shown} must be the path of a file, or a list of paths`,
      );
    }
    if (/^[a-z][\w+.-]+:/i.test(target)) {
      throw new AgentError(
        "CONFIG_INVALID",
        `"extends" in ${shown} names "${target}": only local files can be extended`,
      );
    }
    return resolve(dirname(from), target);
  });
}

function toShown(path: string, cwd: string): string {
  const inside = relative(cwd, path);
  return inside.startsWith("..") ? path : inside;
}
