import { isUtf8 } from "node:buffer";

/** Returns valid UTF-8, in which invalid bytes are U+FFFD (protocol section 5.2). */
export function toValidText(bytes: Uint8Array): Uint8Array {
  return isUtf8(bytes) ? bytes : Buffer.from(decoder.decode(bytes));
}

/** Returns the number of bytes of a valid text as the log has it, in which `\r\n` is `\n`. */
export function countTextBytes(text: Uint8Array): number {
  let count = text.length;
  for (let at = text.indexOf(carriageReturn); at !== -1; at = text.indexOf(carriageReturn, at + 1)) {
    if (text[at + 1] === newline) count -= 1;
  }
  return count;
}

/** Returns the rest of a valid text after its first bytes, which are counted as {@link countTextBytes} does. */
export function skipTextBytes(text: Uint8Array, count: number): Uint8Array {
  let at = 0;
  for (let left = count; left > 0 && at < text.length; at += 1) {
    if (!isLineEnd(text, at)) left -= 1;
  }
  return text.subarray(at);
}

export function endsWithLineFeed(text: Uint8Array): boolean {
  return text.at(-1) === newline;
}

/** Whether `\r\n` is at a position. */
export function isLineEnd(text: Uint8Array, at: number): boolean {
  return text[at] === carriageReturn && text[at + 1] === newline;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const carriageReturn = 0x0d;
const newline = 0x0a;
