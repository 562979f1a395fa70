import * as fs from "node:fs";
import { isPortableKey } from "./portable-key.ts";

export type ChangeKind = "put" | "remove";

/** A change that an earlier process has not passed on. */
export interface LeftChange {
  /** Its id in this process. */
  readonly id: number;
  readonly key: string;
  readonly kind: ChangeKind;
}

/** A file with the changes that wait, which the next process passes on when this one is killed. */
export interface ChangeJournal extends Disposable {
  /** The changes of earlier processes, the earliest first. */
  readonly left: readonly LeftChange[];
  /** Whether the file has all changes that wait. */
  readonly isKept: boolean;
  /** Unix milliseconds of the earliest change that has not ended. */
  readonly since: number | undefined;
  /** Records that a change is about to be made. Returns its id. */
  begin(key: string, kind: ChangeKind): number;
  /** Records that a change needs no more work. */
  end(id: number): void;
}

export interface ChangeJournalOptions {
  /** In a directory that only this user can write to, and only this process uses. */
  readonly path: string;
  /** Called when the file cannot be read or written. Until it can, changes are lost when the process ends. */
  readonly onFault: (error: unknown) => void;
  /** Milliseconds until the file is tried again after a fault. Default: 1 min. */
  readonly retryMs?: number;
}

/**
 * Opens the journal, and writes it anew with the changes that are left. Lines that are damaged are ignored, and so are
 * changes of more than a week ago. It is not synchronised with the disk, as the objects are not.
 */
export function openChangeJournal(options: ChangeJournalOptions): ChangeJournal {
  const { path, onFault, retryMs = 60_000 } = options;
  const open = new Map<number, { readonly line: string; readonly at: number }>();
  let file: number | undefined;
  let lines = 0;
  let isKept = true;
  let isDisposed = false;
  let retryAt = Infinity;
  let nextId = 1;

  const fail = (error: unknown): void => {
    close();
    if (isKept) onFault(error);
    isKept = false;
    retryAt = performance.now() + retryMs;
  };
  const close = (): void => {
    if (file !== undefined) fs.closeSync(file);
    file = undefined;
  };
  const rewrite = (): void => {
    close();
    const temporary = `${path}.new`;
    fs.rmSync(temporary, { recursive: true, force: true });
    const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
    file = fs.openSync(temporary, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    write(file, Array.from(open.values(), ({ line }) => line).join(""));
    if (!isFile(path)) fs.rmSync(path, { recursive: true, force: true });
    fs.renameSync(temporary, path);
    lines = open.size;
    isKept = true;
  };
  const append = (line: string): void => {
    if (isDisposed || (file === undefined && performance.now() < retryAt)) return;
    try {
      if (file === undefined) return rewrite();
      write(file, line);
      lines += 1;
      if (lines > leastLines + 4 * open.size) rewrite();
    } catch (error) {
      fail(error);
    }
  };
  const begin = (key: string, kind: ChangeKind, at = Date.now()): number => {
    const id = nextId++;
    const line = formatLine([id, kind, at, key]);
    open.set(id, { line, at });
    append(line);
    return id;
  };

  let left: LeftChange[] = [];
  try {
    left = readLeft(path).map(({ key, kind, at }) => ({ id: begin(key, kind, at), key, kind }));
    rewrite();
  } catch (error) {
    fail(error);
  }
  return {
    left,
    get isKept() {
      return isKept;
    },
    get since() {
      return open.values().next().value?.at;
    },
    begin,
    end(id) {
      if (open.delete(id)) append(formatLine([id, "end"]));
    },
    [Symbol.dispose]() {
      isDisposed = true;
      close();
    },
  };
}

type Line = readonly [id: number, kind: ChangeKind, at: number, key: string] | readonly [id: number, "end"];

interface DatedChange extends Omit<LeftChange, "id"> {
  /** Unix milliseconds. */
  readonly at: number;
}

/** An object that was removed and stored again has one change, which looks whether the object exists. */
function readLeft(path: string): DatedChange[] {
  const changes = new Map<number, DatedChange>();
  for (const line of readText(path).split("\n")) {
    const parsed = parseLine(line);
    if (parsed === undefined) continue;
    const [id, kind, at, key] = parsed;
    if (kind === "end") changes.delete(id);
    else changes.set(id, { key, kind, at });
  }
  const byKey = new Map<string, DatedChange>();
  for (const change of changes.values()) {
    if (change.at < Date.now() - mostAgeMs) continue;
    const kind = byKey.get(change.key)?.kind === "remove" ? "remove" : change.kind;
    byKey.delete(change.key);
    byKey.set(change.key, { ...change, kind });
  }
  return [...byKey.values()];
}

/** Reads the file; empty when it is missing, or no file of this program. */
function readText(path: string): string {
  if (!isFile(path)) return "";
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  const file = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stats = fs.fstatSync(file);
    return stats.isFile() && stats.size <= mostBytes ? fs.readFileSync(file, "utf8") : "";
  } finally {
    fs.closeSync(file);
  }
}

function isFile(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** Sixteen hexadecimal digits that check the rest, and a list in JSON. */
function formatLine(line: Line): string {
  const text = JSON.stringify(line);
  return `${toSum(text)}${text}\n`;
}

/** A job of the agent's user can write lines with a correct sum. */
function parseLine(line: string): Line | undefined {
  const text = line.slice(sumDigits);
  if (line.length <= sumDigits || toSum(text) !== line.slice(0, sumDigits)) return undefined;
  const [id, kind, at, key] = parseList(text);
  if (!Number.isSafeInteger(id)) return undefined;
  if (kind === "end") return [id as number, kind];
  const isChange = (kind === "put" || kind === "remove") && Number.isFinite(at) && typeof key === "string";
  if (!isChange || !key.includes("/") || !isPortableKey(key)) return undefined;
  return [id as number, kind, at as number, key];
}

function parseList(text: string): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}

function toSum(text: string): string {
  return Bun.hash.xxHash3(text).toString(16).padStart(sumDigits, "0");
}

function write(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += fs.writeSync(file, bytes, at);
}

const sumDigits = 16;
const leastLines = 1000;
const mostAgeMs = 7 * 24 * 3_600_000;
const mostBytes = 64 * 1024 * 1024;
