import { isAbsolute } from "node:path";
import { findConfigFile } from "../../core/config/file.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Lists the directories of this host in which an agent looks for its configuration file. */
export function listHostDirectories({ CONFIGURATION_DIRECTORY: given = "" }: Environment): string[] {
  // systemd separates several directories by colons.
  return [...given.split(":").filter(isAbsolute), "/etc/signalman"];
}

/** Finds the configuration file of this host. */
export function findHostFile(env: Environment): string | undefined {
  return listHostDirectories(env)
    .map((directory) => findConfigFile(directory, "config"))
    .find((path) => path !== undefined);
}
