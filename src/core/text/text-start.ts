import type { Output } from "../contracts/job-log.ts";

/** The beginning of a text that arrives in pieces. */
export interface TextStart {
  readonly add: Output;
  /** Without a character that the limit cuts. */
  readonly text: string;
  /** More has arrived than is kept. */
  readonly isCut: boolean;
}

/** Collects at most `maxBytes` bytes of UTF-8, wherever the pieces cut it. */
export function createTextStart(maxBytes: number): TextStart {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let isCut = false;
  return {
    add(chunk) {
      const whole = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      // A copy: the caller may use its buffer again.
      const part = new Uint8Array(whole.subarray(0, maxBytes - bytes));
      isCut ||= part.length < whole.length;
      bytes += part.length;
      if (part.length > 0) chunks.push(part);
    },
    get text() {
      return new TextDecoder().decode(Buffer.concat(chunks), { stream: isCut });
    },
    get isCut() {
      return isCut;
    },
  };
}
