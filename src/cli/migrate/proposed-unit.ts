import type { EffectiveConfig } from "../../core/contracts/options.ts";
import { toShutdownSeconds, toServiceUnit, toUnitWord } from "../../os/systemd/unit-settings.ts";
import type { Installation } from "./installation.ts";

/**
 * Proposes the unit of the documentation with the program's path, user, working directory and variables of
 * the old one. `written`: the new configuration file, which contains the old unit's flags.
 */
export function toProposedUnit(
  { config: configPath, unit }: Installation,
  { config, written }: { readonly config: EffectiveConfig; readonly written: string | undefined },
): string {
  const last = (name: string) => unit?.service.get(name)?.at(-1);
  const file = written ?? configPath;
  const program = unit?.program || "/usr/local/bin/signalman";
  const start = `${program} start`;
  const command = file === undefined ? start : `${start} --config-file ${toUnitWord(file)}`;
  const service = toServiceUnit({
    shutdownSeconds: toShutdownSeconds(config),
    command: written === undefined ? (last("ExecStart") ?? command) : command,
    user: last("User"),
    workingDirectory: last("WorkingDirectory"),
    environment: unit?.service.get("Environment") ?? [],
    environmentFiles: unit?.service.get("EnvironmentFile") ?? [],
  });
  return `${toPrecaution(program)}${service}`;
}

/** Comments at the beginning of the unit. */
function toPrecaution(program: string): string {
  return [
    "# No job can read the token of a starting agent if the program belongs to root and its user cannot read it:",
    `#   chown root:root ${toUnitWord(program)} && chmod 0711 ${toUnitWord(program)}`,
    "# Keep the token in a file of root with mode 0600: EnvironmentFile=/etc/signalman/environment",
    "",
  ].join("\n");
}
