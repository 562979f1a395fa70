import type { Program } from "signalman";
import { findStateDirectory, listAgentDirectories, readCore } from "signalman/host";
import type { MirrorsConfig } from "../config.ts";
import { toRoot } from "../store/layout.ts";

/** The options that the commands of mirrors read. */
export const options = [
  "config-file",
  "config-env",
  "state-dir",
  "git-mirrors-path",
  "git-mirrors-size",
] as const;

/** Returns the directories of mirrors of this host's agents. */
export function findRoots(program: Program): { readonly roots: readonly string[]; readonly size: number } {
  const { path, size } = program.config.of("git-mirrors") as MirrorsConfig;
  const directory = findStateDirectory({ directory: readCore(program)["state-dir"], env: process.env });
  return {
    roots: path === "" ? listAgentDirectories(directory).map((agent) => toRoot("", agent)) : [path],
    size,
  };
}
