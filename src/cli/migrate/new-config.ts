import { randomBytes } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import type { EffectiveConfig } from "../../core/contracts/options.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import type { Note } from "./notes.ts";

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
