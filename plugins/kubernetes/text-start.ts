import type { Output } from "signalman";

/** The beginning of a text that arrives in pieces. */
export interface TextStart {
  readonly add: Output;
  readonly text: string;
  /** More has arrived than is kept. */
  readonly isCut: boolean;
}

/** Collects at most `maxBytes` bytes of UTF-8. */
export function createTextStart(maxBytes: number): TextStart {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let isCut = false;
  return {
    add(chunk) {
      const part = Buffer.from(chunk as Uint8Array).subarray(0, maxBytes - bytes);
      isCut ||= part.length < Buffer.byteLength(chunk);
      bytes += part.length;
      if (part.length > 0) chunks.push(part);
    },
    get text() {
      return Buffer.concat(chunks).toString();
    },
    get isCut() {
      return isCut;
    },
  };
}
