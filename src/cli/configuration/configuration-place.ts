import { isAbsolute } from "node:path";
import { findConfigFile } from "../../core/config/file.ts";
import type { ConfigurationPlace } from "../../core/contracts/command.ts";

export interface FoundConfiguration {
  readonly path: string;
  /**
   * Whether it was found in the working directory, and neither named nor in a directory of this host's
   * configuration.
   */
  readonly isInWorkingDirectory: boolean;
}

/** Finds the configuration file of a command whose command line names none. */
export function findConfiguration(
  place: ConfigurationPlace,
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> },
): FoundConfiguration | undefined {
  if (place === "nowhere") return undefined;
  const onHost = place === "directory" ? undefined : findOnHost(env["CONFIGURATION_DIRECTORY"]);
  if (onHost !== undefined) return { path: onHost, isInWorkingDirectory: false };
  const path = place === "host" ? undefined : findConfigFile(cwd, "signalman.config");
  return path === undefined ? undefined : { path, isInWorkingDirectory: true };
}

/** `given`: systemd separates several directories by colons. */
function findOnHost(given = ""): string | undefined {
  return [...given.split(":").filter(isAbsolute), "/etc/signalman"]
    .map((directory) => findConfigFile(directory, "config"))
    .find((path) => path !== undefined);
}
