import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { AgentError, isAgentError, toMessage } from "../../core/errors.ts";

/**
 * Version of all documents in a state directory. Two versions of the program may use it during an upgrade.
 */
export const stateVersion = 1;

/** Creates a directory that only its owner can access. */
export function makePrivateDirectory(path: string): string {
  attempt(`cannot create the directory "${path}"`, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
  return path;
}

/**
 * Replaces a JSON document atomically: after a crash of the program the file has either the old or the new
 * content. `isSynced` (which takes milliseconds) extends this to a crash of the machine.
 */
export function writeDocument(path: string, document: unknown, { isSynced = true } = {}): void {
  const temporary = `${path}.new`;
  attempt(`cannot write "${path}"`, () => {
    try {
      const fd = openSync(temporary, "w", 0o600);
      try {
        writeFileSync(fd, JSON.stringify({ version: stateVersion, document }));
        if (isSynced) fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(temporary, path);
    } catch (error) {
      removeHalf(temporary);
      throw error;
    }
    if (isSynced) syncDirectory(dirname(path));
  });
}

/**
 * Reads a document; `undefined` when it does not exist. Throws `STATE_INVALID` when it is damaged,
 * `STATE_NEWER` when a newer program wrote it.
 */
export function readDocument<T>(path: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new AgentError("FILE_FAILED", `cannot read "${path}": ${toMessage(cause)}`, { cause });
  }
  let parsed: { version?: unknown; document?: T };
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch (cause) {
    throw new AgentError("STATE_INVALID", `"${path}" is damaged: ${toMessage(cause)}`, { cause });
  }
  const { version } = Object(parsed) as typeof parsed;
  if (version === stateVersion) return parsed.document;
  if (typeof version === "number" && version > stateVersion) throw newer(`"${path}"`, version, stateVersion);
  throw new AgentError("STATE_INVALID", `"${path}" is damaged: its version is missing`);
}

/** Creates the error about a document or socket of a newer program. */
export function newer(subject: string, version: number, known: number): AgentError {
  return new AgentError(
    "STATE_NEWER",
    `${subject} has version ${version}, and this program supports ${known}: a newer program has created it, and nothing was changed (start the newer program, let it drain with SIGQUIT, then start this one again; or give this one another --state-dir)`,
  );
}

/**
 * Throws `STATE_NEWER` when a newer program has written a document in this directory. Damaged documents are
 * ignored here.
 */
export function refuseNewer(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory).filter((file) => file.endsWith(".json"))) {
    try {
      readDocument(join(directory, name));
    } catch (error) {
      if (isAgentError(error, "STATE_NEWER")) throw error;
    }
  }
}

export function removeDocument(path: string): void {
  rmSync(path, { force: true });
}

/** Removes an incomplete file, which would take space on a full disk. */
function removeHalf(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The disk is read-only.
  }
}

function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function attempt(what: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `${what}: ${toMessage(cause)}`, { cause });
  }
}
