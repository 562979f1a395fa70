import { dirname, relative } from "node:path";

/** The source of an external plugin. */
export interface PluginSource {
  /** The plugin's name, or before it is known, the key under which the configuration names it. */
  name: string;
  readonly path: string;
  /** The directory of the configuration. */
  readonly base: string;
}

/** The plugins of this process: an uncaught error has nothing but its stack to tell whose it is. */
const sources: PluginSource[] = [];

export function addPluginSource(source: PluginSource): PluginSource {
  sources.push(source);
  return source;
}

/** Finds the innermost frame of a stack in a plugin's own source: the plugin, and `file:line` for messages. */
export function findPlace(thrown: unknown): { readonly plugin: string; readonly place: string } | undefined {
  const { stack } = Object(thrown) as { stack?: unknown };
  if (typeof stack !== "string" || sources.length === 0) return undefined;
  for (const [, file = "", line] of stack.matchAll(/^\s+at (?:.*\()?(\/.*?):(\d+)(?::\d+)?\)?$/gm)) {
    const own = sources.findLast(({ path }) => path === file);
    const source = own ?? sources.findLast(({ path }) => isBelow(file, dirname(path)));
    if (source) return { plugin: source.name, place: `${relative(source.base, file)}:${line}` };
  }
  return undefined;
}

function isBelow(file: string, directory: string): boolean {
  return file.startsWith(`${directory}/`) && !file.slice(directory.length).includes("/node_modules/");
}
