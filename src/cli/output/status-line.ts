import { fstatSync, writeSync } from "node:fs";
import { toSpan } from "../../core/text/amounts.ts";
import { toLine } from "../../core/text/printable.ts";
import { type Output, stderr, stdout } from "../../os/this-process/output.ts";
import { createPaint } from "./colour.ts";
import { cutLine, hasColour, isInteractive, isTerminal, readSize } from "./terminal.ts";

/** The last line of a terminal, which shows what the program waits for. Other output replaces it. */
export interface StatusLine extends Disposable {
  /** Shows what is awaited from now on; `undefined` shows nothing. */
  show(what: string | undefined, details?: StatusDetails): void;
}

export interface StatusDetails {
  /** When the wait began, on the clock of `performance.now()`. Default: when `what` changed. */
  readonly since?: number;
  /** Returns how far the work is, such as `3.0 MiB of 10.0 MiB`. Called at most four times a second. */
  readonly progress?: () => string | undefined;
}

export interface StatusLineOptions {
  /** Milliseconds without other output before the line appears. Default: 2000. */
  readonly quietMs?: number;
}

/**
 * Opens a status line on stderr. It does nothing unless stderr is a terminal for a person (`isInteractive`),
 * and when stdout is a pipe, whose reader may write to the same terminal. A process has one at a time.
 */
export function openStatusLine({ quietMs = 2000 }: StatusLineOptions = {}): StatusLine {
  const [shown, output] = [stderr(), stdout()];
  if (!isInteractive(shown) || !(isTerminal(output) || isFile(1)))
    return { show() {}, [Symbol.dispose]() {} };
  const line = createLine(shown, quietMs);
  const restore = [...new Set([shown, output])]
    .filter(isTerminal)
    .map((stream) => interceptWrites(stream, line.yieldTo));
  const timer = setInterval(line.draw, drawMs);
  timer.unref();
  const eraseAtExit = () => {
    if (!line.isDrawn()) return;
    try {
      writeSync(2, erasing);
    } catch {
      // The terminal is gone.
    }
  };
  process.on("exit", eraseAtExit);
  return {
    show: line.show,
    [Symbol.dispose]() {
      clearInterval(timer);
      process.off("exit", eraseAtExit);
      line.erase();
      for (const undo of restore) undo();
    },
  };
}

const drawMs = 250;
const longestText = 500;
/** Columns for what is awaited, also beside a long progress. */
const fewestColumns = 12;

// Cursor and styles are saved and restored, so that the line is drawn in the middle of a coloured output. The cursor
// stays visible and before the line: a process that dies has nothing to restore.
const save = "\x1b7\x1b[0m";
const restore = "\x1b8";
/** Erases to the end of the screen: a line that a resize has wrapped takes several rows. */
const erasing = `${save}\x1b[J${restore}`;

function createLine(stream: Output, quietMs: number) {
  const paint = createPaint(hasColour(true));
  let shown: Shown | undefined;
  let drawn = "";
  let isAtLineStart = true;
  let quietSince = performance.now();
  let isOwn = false;

  const write = (text: string) => {
    isOwn = true;
    try {
      stream.write(text);
    } finally {
      isOwn = false;
    }
  };
  const erase = () => {
    if (drawn !== "") write(erasing);
    drawn = "";
  };
  return {
    erase,
    isDrawn: () => drawn !== "",
    show(what: string | undefined, details: StatusDetails = {}) {
      const now = performance.now();
      const isSame = shown?.what === what;
      if (what === undefined) {
        shown = undefined;
        return erase();
      }
      const since = details.since ?? (isSame ? shown!.since : now);
      const text = isSame ? shown!.text : toLine(what.slice(0, 4 * longestText), longestText);
      shown = { ...details, what, text, since };
    },
    draw() {
      const now = performance.now();
      if (shown === undefined || !isAtLineStart || now - quietSince < quietMs) return;
      const text = toText(shown, { now, columns: readSize(stream).columns - 1 });
      if (text === drawn) return;
      write(`${save}\x1b[J${paint("2", text)}${restore}`);
      drawn = text;
    },
    /** Returns what must be written before other output. */
    yieldTo(chunk: unknown): string {
      if (isOwn) return "";
      quietSince = performance.now();
      isAtLineStart = endsLine(chunk, isAtLineStart);
      const before = drawn === "" ? "" : erasing;
      drawn = "";
      return before;
    },
  };
}

type Shown = StatusDetails & { readonly what: string; readonly text: string; readonly since: number };

/** The progress and the time are cut last. */
function toText(
  { text, since, progress }: Shown,
  { now, columns }: { readonly now: number; readonly columns: number },
): string {
  const position = toLine(progress?.() ?? "", longestText);
  const end = `${position === "" ? "" : `: ${position}`}, ${toSpan(Math.max(0, now - since) / 1000, 0)}`;
  const room = Math.max(fewestColumns, columns - Bun.stringWidth(end));
  return cutLine(`${cutLine(text, room)}${end}`, columns);
}

/** Whether the cursor is at the start of a line after a chunk. Styles do not move it. */
function endsLine(chunk: unknown, before: boolean): boolean {
  if (typeof chunk !== "string") {
    const bytes = chunk as Uint8Array;
    return bytes.length === 0 ? before : bytes.at(-1) === 0x0a;
  }
  const last = chunk.slice(-lastLength).replace(trailingStyles, "");
  return last === "" ? before : last.endsWith("\n");
}

const lastLength = 256;
// oxlint-disable-next-line no-control-regex
const trailingStyles = /(?:\x1b\[[\d;:]*m)+$/;

/** Calls `onWrite` before each write to a stream, and writes what it returns first. The result ends that. */
function interceptWrites(stream: Output, onWrite: (chunk: unknown) => string): () => void {
  const before = Object.getOwnPropertyDescriptor(stream, "write");
  const write = stream.write.bind(stream) as (...args: unknown[]) => unknown;
  stream.write = (chunk: unknown, ...rest: unknown[]) => {
    const first = onWrite(chunk);
    if (first !== "" && typeof chunk === "string") return write(first + chunk, ...rest);
    if (first !== "") write(first);
    return write(chunk, ...rest);
  };
  return () => {
    if (before) Object.defineProperty(stream, "write", before);
    else Reflect.deleteProperty(stream, "write");
  };
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}
