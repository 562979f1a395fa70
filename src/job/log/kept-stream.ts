import type { AsideRecord } from "../journal/journal-records.ts";
import { createOutputStream, type OutputStream, type OutputStreamOptions } from "./output-stream.ts";
import { countTextBytes, skipTextBytes, toValidText } from "./output-text.ts";
import type { Spool } from "./spool.ts";

/** Keeps what happens besides the output of a job, so that another process can repeat it. */
export interface StreamKeeping {
  write(aside: AsideRecord): void;
  /** Masks values from here on. */
  addSecrets(values: readonly string[]): void;
}

/** The open block of an earlier process, whose output is read again from its beginning or from a checkpoint. */
export interface ContinuedBlock {
  /** Bytes of the block's text before the output that is read again. */
  readonly from: number;
  /** Bytes of the block's text that are in the log. */
  readonly text: number;
  readonly atLineStart: boolean;
  /** What happened besides that output. */
  readonly asides: readonly AsideRecord[];
}

/** The output of a job that another process may continue. */
export interface KeptStream extends Omit<OutputStream, "begin"> {
  begin(continued?: ContinuedBlock): void;
  /**
   * Returns the number of bytes of the block's text so far, if the stream holds nothing back. What is read again
   * later begins here.
   */
  checkpoint(): number | undefined;
  /** Values are masked from here on. */
  addSecrets(values: readonly string[]): void;
}

/** Creates the output of a job that ends with its process. */
export function toKeptStream(stream: OutputStream): KeptStream {
  return {
    ...stream,
    begin: () => stream.begin(),
    checkpoint: () => undefined,
    addSecrets: () => {},
  };
}

/**
 * Creates output that counts where it is. In a continued block, output is processed again and repeats what happened
 * besides it at the same places; text that is in the log already is not added again.
 */
export function createKeptStream(options: OutputStreamOptions, keeping: StreamKeeping): KeptStream {
  /** Bytes of output since the beginning of the block or the last checkpoint. */
  let received = 0;
  /** Length of the output that is being processed. */
  let current = 0;
  let textBytes = 0;
  /** Bytes of text that are in the log already. */
  let known = 0;
  let asides: readonly AsideRecord[] = [];
  let isRepeating = false;
  const appendOutput: Spool["appendOutput"] = (timestamp, bytes) => {
    const text = takeNew(toValidText(bytes));
    if (text.length > 0) options.spool.appendOutput(timestamp, text);
  };
  const stream = createOutputStream({
    ...options,
    spool: { appendOutput },
    onAside(aside) {
      if (!isRepeating) keeping.write({ is: "aside", bytes: received + current, ...aside });
    },
  });

  /** Returns the part of a text that is not in the log yet. */
  function takeNew(text: Uint8Array): Uint8Array {
    const count = countTextBytes(text);
    textBytes += count;
    const skipped = Math.min(known, count);
    known -= skipped;
    return skipped === 0 ? text : skipTextBytes(text, skipped);
  }

  function push(bytes: Uint8Array): void {
    current = bytes.length;
    stream.write(bytes);
    received += current;
    current = 0;
  }

  function repeat({ secrets, ...aside }: AsideRecord): void {
    isRepeating = true;
    stream.repeat(aside);
    if (secrets !== undefined) keeping.addSecrets(secrets);
    isRepeating = false;
  }

  function repeatUpTo(bytes: Uint8Array): void {
    let rest = bytes;
    for (let [next] = asides; next && next.bytes - received <= rest.length; [next] = asides) {
      const before = rest.subarray(0, next.bytes - received);
      if (before.length > 0) push(before);
      rest = rest.subarray(before.length);
      asides = asides.slice(1);
      repeat(next);
    }
    if (rest.length > 0) push(rest);
  }

  return {
    ...stream,
    begin(continued) {
      received = 0;
      textBytes = continued?.from ?? 0;
      known = continued ? continued.text - continued.from : 0;
      asides = continued?.asides ?? [];
      stream.begin(continued?.atLineStart);
    },
    write(chunk) {
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      if (asides.length > 0) repeatUpTo(bytes);
      else push(bytes);
    },
    flush() {
      const rest = asides;
      asides = [];
      rest.forEach(repeat);
      stream.flush();
    },
    checkpoint() {
      if (asides.length > 0 || !stream.settle()) return undefined;
      received = 0;
      return textBytes;
    },
    addSecrets(secrets) {
      if (!isRepeating) keeping.write({ is: "aside", bytes: received, secrets });
    },
  };
}
