import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { AgentError, isAgentError, toMessage } from "../../core/errors.ts";
import { parseBoundedJson } from "../network/response-body.ts";
import { findEntry, inDirectory, listDirectory, readStateText, removeEntry, tooLarge } from "./file.ts";
import type { SlotState } from "../../core/contracts/job-source.ts";
import { makePrivateDirectory } from "./private-directory.ts";

/**
 * Version of all documents in a state directory. Two versions of the program may use it during an upgrade.
 */
export const stateVersion = 1;

export interface DocumentOptions<T> {
  /** Whether the document has the fields that its readers use. Default: any document is accepted. */
  readonly isValid?: (document: unknown) => document is T;
  /** Maximum size in bytes. Default: 1 MiB. */
  readonly maxBytes?: number;
}

const defaultMaxBytes = 2 ** 20;

export interface WriteOptions {
  /**
   * When the document survives a crash of the machine, which takes milliseconds: when the call returns (the
   * default), soon after, or never (the system decides).
   */
  readonly sync?: "now" | "soon" | "never";
  /** Maximum size in bytes. Default: 1 MiB. */
  readonly maxBytes?: number;
}

/**
 * Replaces a JSON document atomically: after a crash of the program the file has either the old or the new
 * content. Whatever else has its name is removed.
 */
export function writeDocument(path: string, document: unknown, options: WriteOptions = {}): void {
  writeDocuments(dirname(path), { [basename(path)]: document }, options);
}

/** Replaces documents in a directory, by file name, one after another as {@link writeDocument} does. */
export function writeDocuments(
  directory: string,
  documents: Readonly<Record<string, unknown>>,
  { sync = "now", maxBytes = defaultMaxBytes }: WriteOptions = {},
): void {
  const names = Object.keys(documents)
    .map((name) => `"${join(directory, name)}"`)
    .join(" or ");
  attempt(`cannot write ${names}`, () => {
    inDirectory(directory, (at) => {
      for (const [name, document] of Object.entries(documents)) {
        const text = JSON.stringify({ version: stateVersion, document });
        const bytes = Buffer.byteLength(text);
        if (bytes > maxBytes) throw tooLarge(bytes, maxBytes);
        replaceText(at, name, text, sync);
      }
      if (sync === "now") syncDirectory(at("."));
    });
  });
}

function replaceText(at: (name: string) => string, name: string, text: string, sync: Sync): void {
  const temporary = at(`${name}.new`);
  try {
    writeNew(temporary, text, sync);
    replace(temporary, at(name));
  } catch (error) {
    removeHalf(temporary);
    throw error;
  }
}

type Sync = NonNullable<WriteOptions["sync"]>;

/**
 * Reads a document; `undefined` when it does not exist. Throws `FILE_FAILED` when it is not a file that can be
 * read, `STATE_INVALID` when it is damaged, `STATE_NEWER` when a newer program wrote it.
 */
export function readDocument<T>(
  path: string,
  { isValid, maxBytes = defaultMaxBytes }: DocumentOptions<T> = {},
): T | undefined {
  let text: string;
  try {
    text = readStateText(path, maxBytes);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new AgentError("FILE_FAILED", `cannot read "${path}": ${toMessage(cause)}`, { cause });
  }
  let parsed: { version?: unknown; document?: T };
  try {
    parsed = Object(parseBoundedJson(text)) as typeof parsed;
  } catch (cause) {
    throw new AgentError("STATE_INVALID", `"${path}" is damaged: ${toMessage(cause)}`, { cause });
  }
  const { version, document } = parsed;
  if (typeof version === "number" && version > stateVersion) throw newer(`"${path}"`, version, stateVersion);
  if (version !== stateVersion)
    throw new AgentError("STATE_INVALID", `"${path}" is damaged: its version is missing`);
  if (isValid && document !== undefined && !isValid(document))
    throw new AgentError("STATE_INVALID", `"${path}" is damaged: fields are missing or of another type`);
  return document;
}

/** Creates the error about a document or socket of a newer program. */
export function newer(subject: string, version: number, known: number): AgentError {
  return new AgentError(
    "STATE_NEWER",
    `${subject} has version ${version}, and this program supports ${known}: a newer program has created it, and nothing was changed (start the newer program, let it drain with SIGQUIT, then start this one again; or give this one another --state-dir)`,
  );
}

/**
 * Throws `STATE_NEWER` when a newer program has written a document in this directory, and `FILE_FAILED` when
 * the directory cannot be listed. Damaged documents are ignored here.
 */
export function refuseNewer(
  directory: string,
  options: Pick<DocumentOptions<unknown>, "maxBytes"> = {},
): void {
  if (!findEntry(directory)?.isDirectory()) return;
  const names = attempt(`cannot list "${directory}"`, () => listDirectory(directory).map(({ name }) => name));
  for (const name of names.filter((each) => each.endsWith(".json"))) {
    try {
      readDocument(join(directory, name), options);
    } catch (error) {
      if (isAgentError(error, "STATE_NEWER")) throw error;
    }
  }
}

export function removeDocument(path: string): void {
  removeEntry(path);
}

/**
 * Opens the documents of a slot. `hold` is called before each change: see `StateDirectory.hold`. Throws
 * `STATE_NEWER` when a newer program has written some of them.
 */
export function createSlotState(directory: string, hold = () => {}): SlotState {
  refuseNewer(directory);
  makePrivateDirectory(directory, { isReplaced: true });
  const path = (name: string) => join(directory, `${name}.json`);
  return {
    get: (name) => readDocument(path(name)),
    put(name, document) {
      hold();
      makePrivateDirectory(directory);
      writeDocument(path(name), document);
    },
    remove(name) {
      hold();
      removeDocument(path(name));
    },
  };
}

function writeNew(path: string, text: string, sync: Sync): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
  fs.rmSync(path, { recursive: true, force: true });
  const fd = fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    fs.writeFileSync(fd, text);
    if (sync === "now") fs.fsyncSync(fd);
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
  if (sync === "soon") fs.fsync(fd, () => fs.closeSync(fd));
  else fs.closeSync(fd);
}

/** Renames a file. A directory in its place is removed, which a rename does not do. */
function replace(from: string, to: string): void {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    if (!fs.lstatSync(to, { throwIfNoEntry: false })?.isDirectory()) throw error;
    fs.rmSync(to, { recursive: true, force: true });
    fs.renameSync(from, to);
  }
}

/** Removes an incomplete file, which would take space on a full disk. */
function removeHalf(path: string): void {
  try {
    fs.rmSync(path, { force: true });
  } catch {
    // The disk is read-only.
  }
}

function syncDirectory(path: string): void {
  const fd = fs.openSync(path, "r");
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function attempt<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `${what}: ${toMessage(cause)}`, { cause });
  }
}
