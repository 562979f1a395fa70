import { randomBytes } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import type { EffectiveConfig } from "../../core/contracts/options.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import type { Note } from "./compare.ts";

/** The configuration file of Signalman: what the file and the command line gave. Variables stay where they are. */
export function toConfigText(config: EffectiveConfig, notes: readonly Note[]): string {
  const refused = new Set(notes.filter(({ kind }) => kind === "refused").map(({ subject }) => subject));
  const kept = config.options.filter(
    ({ key, source }) =>
      (source.kind === "file" || source.kind === "flag") && key !== "config-file" && !refused.has(key),
  );
  const values = Object.fromEntries(kept.map(({ key, value }) => [key, value]));
  const left = [...refused].map((subject) => `# left out, because no agent starts with it: ${subject}\n`);
  const head = "# Signalman's configuration; docs/configuration.md tells of each option.\n";
  return `${head}${left.join("")}${kept.length === 0 ? "" : stringify(values)}`;
}

/** Writes a file (0600); in the place of another one only when `isForced`, and then whole or not at all. */
export function putFile(path: string, text: string, { isForced = false } = {}): void {
  const temporary = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    writeFileSync(isForced ? temporary : path, text, { mode: 0o600, flag: "wx" });
    if (isForced) renameSync(temporary, path);
  } catch (cause) {
    const isTaken = (cause as NodeJS.ErrnoException).code === "EEXIST";
    const reason = isTaken ? "it is there already (--force writes it all the same)" : toMessage(cause);
    const code = isTaken ? "USAGE_INVALID" : "FILE_FAILED";
    throw new AgentError(code, `cannot write "${path}": ${reason}`, { cause });
  }
}
