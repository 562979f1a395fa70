import { chmodSync, closeSync, existsSync, fchmodSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { AgentError, decodeBase64, toMessage } from "signalman";
import { openHostFile, readHostFile } from "signalman/host";

/**
 * Appends public keys, which are in base64, to `~/.ssh/authorized_keys`, each once. Only the owner may access
 * the directory and the file, as `sshd` requires. Throws `JOB_REFUSED`, whose message the job's log shows.
 */
export function addAuthorizedKeys(keys: readonly string[], home = process.env["HOME"] || homedir()): void {
  if (keys.length === 0) return;
  const directory = join(home, ".ssh");
  const path = join(directory, "authorized_keys");
  const wanted = keys.map(decode);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chmodSync(directory, 0o700);
    const present = existsSync(path) ? readHostFile(path).toString() : "";
    const known = new Set(present.split("\n").map((line) => line.trim()));
    const added = [...new Set(wanted)].filter((key) => !known.has(key));
    const gap = present === "" || present.endsWith("\n") ? "" : "\n";
    append(path, added.length === 0 ? "" : `${gap}${added.join("\n")}\n`);
  } catch (cause) {
    throw new AgentError("JOB_REFUSED", `Failed to add SSH keys to '${path}': ${toMessage(cause)}`, {
      cause,
    });
  }
}

function append(path: string, text: string): void {
  const fd = openHostFile(path, "append");
  try {
    writeFileSync(fd, text);
    fchmodSync(fd, 0o600);
  } finally {
    closeSync(fd);
  }
}

function decode(key: string): string {
  const bytes = decodeBase64(key);
  const text = bytes && new TextDecoder().decode(bytes).trim();
  // A key is one line. Several lines would be several keys, or options of another one.
  if (text && !/[\r\n]/.test(text)) return text;
  throw new AgentError("JOB_REFUSED", "Failed to decode an SSH public key: expected one line in base64");
}
