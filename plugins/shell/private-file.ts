import { writeFileSync } from "node:fs";
import { AgentError, toMessage } from "signalman";

/** Writes a file with mode 0600. Throws `FILE_FAILED` with the path. */
export function writePrivateFile(
  path: string,
  text: string | Uint8Array,
  options: { isNew?: boolean } = {},
): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: options.isNew ? "wx" : "w" });
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `cannot write "${path}": ${toMessage(cause)}`, { cause });
  }
}
