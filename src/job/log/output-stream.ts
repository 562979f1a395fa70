import { type Chunker, createChunker, type ChunkerOptions } from "./chunker.ts";
import type { JobSequences } from "../commands/job-sequences.ts";
import type { FilterChain } from "./filter-chain.ts";
import { endsWithLineFeed } from "./output-text.ts";
import type { Spool } from "./spool.ts";

export interface OutputStreamOptions {
  readonly spool: Pick<Spool, "appendOutput">;
  readonly filters: FilterChain;
  /** Called for each stream of output. */
  readonly createSequences: () => JobSequences;
  readonly chunks?: ChunkerOptions | undefined;
  /** Returns Unix seconds. */
  readonly now: () => number;
  /** Called with what is added besides the output, as it will be repeated. */
  readonly onAside?: (aside: Aside) => void;
}

/** What is added besides the output: lines that pass the filters, or lines that are filtered already. */
export interface Aside {
  readonly note?: string;
  readonly lines?: string;
}

/** The output of the open block, from bytes to events. */
export interface OutputStream {
  /** Begins a block. `atLineStart`: where the text of a continued one ends. Default: true. */
  begin(atLineStart?: boolean): void;
  write(chunk: Uint8Array | string): void;
  /** Writes a line of its own. */
  writeLastLine(text: string): void;
  /** Writes lines past the job sequences; within a write, after it. */
  note(lines: string): void;
  /** Writes lines that are filtered already, and leaves what the filters hold back as it is. */
  insert(lines: string): void;
  /** Adds again what an earlier process of the job has added. */
  repeat(aside: Aside): void;
  /** Writes what is whole, and returns whether nothing is held back. */
  settle(): boolean;
  countLate(chunk: Uint8Array | string): void;
  flush(): void;
  counts(): { readonly producedBytes: number; readonly lateBytes: number };
}

export function createOutputStream(options: OutputStreamOptions): OutputStream {
  const { spool, filters, chunks, now, onAside } = options;
  const sequences = options.createSequences();
  let isAtLineStart = true;
  /** The last byte that the filters have received. */
  let lastByte: number | undefined = newline;
  let isWriting = false;
  /** Notes that were added within a write. */
  let waiting = "";
  let producedBytes = 0;
  let lateBytes = 0;
  const append = (text: Uint8Array) => {
    spool.appendOutput(now(), text);
    isAtLineStart = endsWithLineFeed(text);
  };
  const chunker: Chunker = createChunker(append, chunks);

  function write(chunk: Uint8Array | string): void {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    producedBytes += bytes.length;
    isWriting = true;
    try {
      const output = sequences.push(bytes);
      lastByte = output.at(-1) ?? lastByte;
      chunker.push(filters.push(output));
    } finally {
      isWriting = false;
    }
    const lines = waiting;
    waiting = "";
    if (lines !== "") note(lines);
  }

  function note(lines: string): void {
    const text = lines.endsWith("\n") || lines === "" ? lines : `${lines}\n`;
    if (!isWriting) repeat({ note: `${lastByte === newline ? "" : "\n"}${text}` });
    else if (waiting.length + text.length <= maxWaiting) waiting += text;
    else lateBytes += Buffer.byteLength(text);
  }

  function repeat(aside: Aside): void {
    onAside?.(aside);
    const { lines, note: noted = "" } = aside;
    if (lines !== undefined) {
      chunker.flush();
      return splitText(lines).forEach((text) => append(Buffer.from(text)));
    }
    const bytes = Buffer.from(noted);
    producedBytes += bytes.length;
    lastByte = bytes.at(-1) ?? lastByte;
    chunker.push(filters.push(bytes));
  }

  function flush(): void {
    const rest = sequences.flush();
    if (rest.length > 0) chunker.push(filters.push(rest));
    chunker.push(filters.flush());
    chunker.end();
  }

  return {
    begin(atLineStart = true) {
      isAtLineStart = atLineStart;
      lastByte = atLineStart ? newline : undefined;
    },
    write,
    note,
    writeLastLine(text) {
      flush();
      write(`${isAtLineStart ? "" : "\n"}${text}\n`);
    },
    insert(lines) {
      chunker.flush();
      repeat({ lines: isAtLineStart ? lines : `\n${lines}` });
    },
    repeat,
    settle() {
      if (isWriting || !sequences.isIdle || !filters.isIdle) return false;
      chunker.flush();
      return chunker.isEmpty;
    },
    countLate: (chunk) => void (lateBytes += Buffer.byteLength(chunk)),
    flush,
    counts: () => ({ producedBytes, lateBytes }),
  };
}

/** Maximum number of characters of notes that wait for the end of a write. */
const maxWaiting = 1024 * 1024;

const newline = 0x0a;

/** Splits a text into parts of whole characters. */
function splitText(text: string): string[] {
  const parts: string[] = [];
  for (let at = 0, end = 0; at < text.length; at = end) {
    end = text.length - at > longestText ? toCharacterEnd(text, at + longestText) : text.length;
    parts.push(text.slice(at, end));
  }
  return parts;
}

/** Maximum length of an inserted text. */
const longestText = 8 * 1024;

/** Returns the position, or the one before if that is the middle of a character. */
function toCharacterEnd(text: string, at: number): number {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 ? at - 1 : at;
}
