import { existsSync } from "node:fs";
import { dirname, extname, relative, resolve } from "node:path";
import { findLine } from "./lines.ts";
import { readConfigFile, toUnreadable } from "./parse.ts";
import { AgentError } from "../errors.ts";
import { toHint } from "../nearest.ts";

/** What one file says, or one environment's part of it. */
export interface ConfigLayer {
  readonly file: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** `config.yaml:3` for a key of `values`, or without the line where that cannot be told. */
  sourceOf(path: readonly string[]): string;
}

export interface ConfigFile {
  readonly path: string;
  /** Where the paths and packages of its plugins begin. */
  readonly directory: string;
  /** What counts most comes first. */
  readonly layers: readonly ConfigLayer[];
}

export interface LoadConfigFileOptions {
  /** Puts `$<name>:` and `$env.<name>` of each file on top of it. */
  readonly environment: string | undefined;
  /** Messages name files as seen from here. */
  readonly cwd: string;
}

/** The file that is used when none is named. */
export function findConfigFile(directory: string): string | undefined {
  return ["ts", "js", "mjs", "yaml", "yml", "json", "jsonc", "toml"]
    .map((extension) => resolve(directory, `signalman.config.${extension}`))
    .find((path) => existsSync(path));
}

/** Reads a configuration file, and the local files that it extends. Throws `CONFIG_UNREADABLE` or `CONFIG_INVALID`. */
export async function loadConfigFile(path: string, options: LoadConfigFileOptions): Promise<ConfigFile> {
  const { environment } = options;
  const environments = new Set<string>();
  const layers = await loadLayers(path, { ...options, environments, ancestors: [] });
  if (environment !== undefined && !environments.has(environment)) {
    const hint = toHint(environment, environments) || ": it has no layers";
    const shown = toShown(path, options.cwd);
    throw new AgentError("CONFIG_INVALID", `no environment "${environment}" in ${shown}${hint}`);
  }
  return { path, directory: dirname(path), layers };
}

type Values = Readonly<Record<string, unknown>>;

interface Loading extends LoadConfigFileOptions {
  /** Filled with the names of all environments that a file knows. */
  readonly environments: Set<string>;
  readonly ancestors: readonly string[];
}

/** Keys with a dollar that name no environment. */
const dollarKeys: ReadonlySet<string> = new Set(["$env", "$meta", "$schema"]);

async function loadLayers(path: string, loading: Loading): Promise<ConfigLayer[]> {
  const ancestors = [...loading.ancestors, path];
  const shown = toShown(path, loading.cwd);
  if (loading.ancestors.includes(path)) {
    const round = ancestors.map((file) => toShown(file, loading.cwd));
    throw new AgentError("CONFIG_INVALID", `"extends" goes round in a circle: ${round.join(" → ")}`);
  }
  const { text, content } = await readConfigFile(path, shown);
  const values = toMap(content, `"${shown}"`);
  const toLayer = (prefix: readonly string[], part: Values): ConfigLayer => ({
    file: path,
    values: Object.fromEntries(
      Object.entries(part).filter(([key]) => key !== "extends" && !key.startsWith("$")),
    ),
    sourceOf(key) {
      const line = findLine(text, extname(path), [...prefix, ...key]);
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
        throw toUnreadable(toShown(target, loading.cwd), `there is no such file; ${shown} extends it`);
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

/** `$env: { staging: … }` and `$staging:`; of two with one name the first counts more. */
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
  throw new AgentError("CONFIG_INVALID", `${what} must hold options by name (as in log-level: debug)`);
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
