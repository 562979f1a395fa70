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

/** Of everything in a state directory. Two generations of the program meet there during an upgrade. */
export const stateVersion = 1;

/** Makes a directory that only its owner can look into. */
export function makePrivateDirectory(path: string): string {
  attempt(`cannot make the directory "${path}"`, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
  return path;
}

/**
 * Puts a JSON document in place of the one before: after a crash there is the one or the other, whole. Not `isSynced` (which takes
 * milliseconds): after a crash of the machine there may be neither.
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

/** `undefined` when it is not there. Throws `STATE_INVALID` for one that is damaged, `STATE_NEWER` for one of a newer program. */
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
  throw new AgentError("STATE_INVALID", `"${path}" is damaged: it has no version`);
}

/** Of what a newer program left: only that one can go on with it. */
export function newer(what: string, version: number, known: number): AgentError {
  return new AgentError(
    "STATE_NEWER",
    `${what} is of version ${version}, and this program knows ${known}: a newer one was here, and nothing was changed (start that one, let it drain with SIGQUIT, then go back; or give this one another --state-dir)`,
  );
}

/** Throws `STATE_NEWER` when a newer program has written a document in this directory. What is damaged is found by whoever needs it. */
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

/** On a full disk it would keep room from others. */
function removeHalf(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A disk that is read-only.
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
