import { AgentError } from "../../core/errors.ts";
import { toHint } from "../../core/text/nearest.ts";
import {
  hasFile,
  loadSources,
  loadWithoutFile,
  type Sources,
  type SourcesOptions,
} from "../configuration/sources.ts";
import { listHostDirectories } from "../configuration/host-file.ts";
import { collectCommands, findName } from "./find-command.ts";

/**
 * Loads the configuration whose plugins have a command that is not built in: in a job the one of its agent, else the
 * one of the working directory, and then the one that an agent of this host takes, whose files other users must not be
 * able to write. Throws `USAGE_INVALID` with the places where it has looked. `pages`: names that would have been right
 * as well.
 */
export async function searchCommand(
  argv: readonly string[],
  from: SourcesOptions,
  pages: readonly string[] = [],
): Promise<Sources> {
  const { early, env, cwd } = from;
  const here = { ...from, place: "directory" } as const;
  const local = await (hasFile(here) ? loadSources(here) : loadWithoutFile(here));
  const known = collectCommands(local.plugins);
  if (findName(argv, (name) => known.has(name)) !== undefined) return local;

  const names = new Set([...known.keys(), ...pages]);
  const places = [describe(local) ?? `no configuration file in ${cwd}`];
  if (early.configFile === undefined) {
    const there = { ...from, place: "trusted-host", isOfJob: false } as const;
    try {
      const host = await (hasFile(there) ? loadSources(there) : loadWithoutFile(there));
      const hosted = collectCommands(host.plugins);
      if (findName(argv, (name) => hosted.has(name)) !== undefined) return host;
      for (const name of hosted.keys()) names.add(name);
      places.push(describe(host) ?? `no configuration file in ${listHostDirectories(env).join(", ")}`);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      places.push(`the configuration of this host, which cannot be used: ${error.message}`);
    }
  }
  const [word = ""] = argv;
  throw new AgentError(
    "USAGE_INVALID",
    `unknown ${pages.length === 0 ? "command" : "command or topic"} "${word}"${toHint(word, names)}; searched: ${places.join("; ")}`,
  );
}

/** Returns `"/etc/signalman/config.yaml" (plugins: notify)`. */
function describe({ file, plugins }: Sources): string | undefined {
  if (file === undefined) return undefined;
  const names = plugins.filter(({ origin }) => origin.kind !== "built-in").map(({ plugin }) => plugin.name);
  return `"${file.path}" (${names.length === 0 ? "without plugins of its own" : `plugins: ${names.join(", ")}`})`;
}
