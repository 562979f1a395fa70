import type { EffectiveConfig } from "../../core/contracts/options.ts";
import { toShutdownSeconds, toServiceUnit } from "../../os/systemd/unit-settings.ts";
import type { Installation } from "./installation.ts";

/**
 * Proposes the unit of the documentation with the program's path, user, working directory and variables of the old one. `written`: the new configuration
 * file, which contains the old unit's flags.
 */
export function toProposedUnit(
  { config: configPath, unit }: Installation,
  { config, written }: { readonly config: EffectiveConfig; readonly written: string | undefined },
): string {
  const last = (name: string) => unit?.service.get(name)?.at(-1);
  const file = written ?? configPath;
  const start = `${unit?.program || "/usr/local/bin/signalman"} start`;
  const command = file === undefined ? start : `${start} --config-file ${toWord(file)}`;
  return toServiceUnit({
    shutdownSeconds: toShutdownSeconds(config),
    command: written === undefined ? (last("ExecStart") ?? command) : command,
    user: last("User"),
    workingDirectory: last("WorkingDirectory"),
    environment: unit?.service.get("Environment") ?? [],
    environmentFiles: unit?.service.get("EnvironmentFile") ?? [],
  });
}

/** A path as one word of `ExecStart`. */
function toWord(path: string): string {
  return /^[\w./@:-]+$/.test(path) ? path : JSON.stringify(path.replaceAll("%", "%%"));
}
