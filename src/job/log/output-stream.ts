import { type Chunker, createChunker, type ChunkerOptions } from "./chunker.ts";
import type { JobSequences } from "../commands/job-sequences.ts";
import type { FilterChain } from "./filter-chain.ts";
import type { Spool } from "./spool.ts";

export interface OutputStreamOptions {
  readonly spool: Spool;
  readonly filters: FilterChain;
  /** Called for each stream of output. */
  readonly createSequences: () => JobSequences;
  readonly chunks?: ChunkerOptions | undefined;
  /** Returns Unix seconds. */
  readonly now: () => number;
}

/** The output of the open block, from bytes to events. */
export interface OutputStream {
  begin(): void;
  write(chunk: Uint8Array | string): void;
  /** Writes a line of its own. */
  writeLastLine(text: string): void;
  /** Writes lines past the job sequences; within a write, after it. */
  note(lines: string): void;
  /** Writes lines that are filtered already, and leaves what the filters hold back as it is. */
  insert(lines: string): void;
  countLate(chunk: Uint8Array | string): void;
  flush(): void;
  counts(): { readonly producedBytes: number; readonly lateBytes: number };
}

export function createOutputStream(options: OutputStreamOptions): OutputStream {
  const { spool, filters, chunks, now } = options;
  const sequences = options.createSequences();
  let atLineStart = true;
  /** The last byte that the filters have received. */
  let lastByte: number | undefined = newline;
  let isWriting = false;
  /** Notes that were added within a write. */
  let waiting = "";
  let producedBytes = 0;
  let lateBytes = 0;
  const chunker: Chunker = createChunker((output) => {
    spool.append({ event: "cmd_output", timestamp: now(), output });
    atLineStart = output.endsWith("\n");
  }, chunks);

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
    if (waiting !== "") writeWaiting();
  }

  function writeWaiting(): void {
    const lines = waiting;
    waiting = "";
    note(lines);
  }

  function note(lines: string): void {
    const text = lines.endsWith("\n") || lines === "" ? lines : `${lines}\n`;
    if (isWriting) {
      if (waiting.length + text.length <= maxWaiting) waiting += text;
      else lateBytes += Buffer.byteLength(text);
      return;
    }
    const bytes = Buffer.from(`${lastByte === newline ? "" : "\n"}${text}`);
    producedBytes += bytes.length;
    lastByte = newline;
    chunker.push(filters.push(bytes));
  }

  function flush(): void {
    const rest = sequences.flush();
    if (rest.length > 0) chunker.push(filters.push(rest));
    chunker.push(filters.flush());
    chunker.end();
  }

  return {
    begin() {
      atLineStart = true;
      lastByte = newline;
    },
    write,
    note,
    writeLastLine(text) {
      flush();
      write(`${atLineStart ? "" : "\n"}${text}\n`);
    },
    insert(lines) {
      chunker.flush();
      const text = atLineStart ? lines : `\n${lines}`;
      for (let at = 0, end = 0; at < text.length; at = end) {
        end = text.length - at > longestText ? toCharacterEnd(text, at + longestText) : text.length;
        spool.append({ event: "cmd_output", timestamp: now(), output: text.slice(at, end) });
      }
      atLineStart = true;
    },
    countLate: (chunk) => void (lateBytes += Buffer.byteLength(chunk)),
    flush,
    counts: () => ({ producedBytes, lateBytes }),
  };
}

/** Maximum number of characters of notes that wait for the end of a write. */
const maxWaiting = 1024 * 1024;

const newline = 0x0a;

/** Maximum length of an inserted text. */
const longestText = 8 * 1024;

/** Returns the position, or the one before if that is the middle of a character. */
function toCharacterEnd(text: string, at: number): number {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 ? at - 1 : at;
}
