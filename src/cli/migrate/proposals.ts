import { randomBytes } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import type { EffectiveConfig } from "../../core/contracts/options.ts";
import { toShutdownSeconds, toServiceUnit, toUnitWord } from "../../os/systemd/unit-settings.ts";
import type { Installation } from "./installation.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import type { Note } from "./notes.ts";

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

/**
 * Returns a configuration file with the options that the old file and command line set. Environment variables
 * stay in the unit.
 */
export function toConfigText(config: EffectiveConfig, notes: readonly Note[]): string {
  const refused = new Set(notes.filter(({ kind }) => kind === "refused").map(({ subject }) => subject));
  const kept = config.options.filter(
    ({ key, source }) =>
      (source.kind === "file" || source.kind === "flag") && key !== "config-file" && !refused.has(key),
  );
  const values = Object.fromEntries(kept.map(({ key, value }) => [key, value]));
  const omitted = [...refused].map(
    (subject) => `# omitted, because the agent does not start with it: ${subject}\n`,
  );
  const head = "# Configuration of Signalman. docs/configuration.md describes every option.\n";
  return `${head}${omitted.join("")}${kept.length === 0 ? "" : stringify(values)}`;
}

/** Writes a file of mode 0600. With `isForced` an existing file is replaced, atomically; otherwise it is an error. */
export function writeConfig(path: string, text: string, { isForced = false } = {}): void {
  const temporary = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    writeFileSync(isForced ? temporary : path, text, { mode: 0o600, flag: "wx" });
    if (isForced) renameSync(temporary, path);
  } catch (cause) {
    const isTaken = (cause as NodeJS.ErrnoException).code === "EEXIST";
    const reason = isTaken ? "it already exists (--force overwrites it)" : toMessage(cause);
    const code = isTaken ? "USAGE_INVALID" : "FILE_FAILED";
    throw new AgentError(code, `configuration file "${path}" could not be written: ${reason}`, { cause });
  }
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
