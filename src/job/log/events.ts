import type { JobEvent } from "../../core/contracts/job-events.ts";
import { isLineEnd, toValidText } from "./output-text.ts";

/** Encodes events as lines of JSON. A line is valid until the next one is encoded. */
export interface EventEncoder {
  event(event: JobEvent): Uint8Array;
  /** Encodes a `cmd_output`, in which `\r\n` becomes `\n`, and invalid bytes U+FFFD (protocol section 5.2). */
  output(timestamp: number, text: Uint8Array): Uint8Array;
}

export function createEncoder(): EventEncoder {
  const line = Buffer.allocUnsafeSlow(256 * 1024);
  return {
    event(event) {
      const whole = `${JSON.stringify(event)}\n`;
      if (whole.length * 3 > line.length) return Buffer.from(whole);
      return line.subarray(0, line.write(whole));
    },
    output(timestamp, text) {
      const valid = toValidText(text);
      const longest = valid.length * 6 + 200;
      const target = longest > line.length ? Buffer.allocUnsafeSlow(longest) : line;
      const start = target.write(`{"event":"cmd_output","timestamp":${timestamp},"output":"`);
      const end = escapeTo(target, start, valid);
      return target.subarray(0, end + target.write('"}\n', end));
    },
  };
}

/**
 * Writes a text as a JSON string without its quotes, and returns its end. Output is the bulk of a log, and this
 * creates no strings, which `JSON.stringify` would do.
 */
function escapeTo(target: Uint8Array, start: number, text: Uint8Array): number {
  let end = start;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at]!;
    const letter = escapes[byte]!;
    if (letter === 0) {
      target[end++] = byte;
      continue;
    }
    if (isLineEnd(text, at)) continue;
    target[end++] = backslash;
    target[end++] = letter;
    if (letter !== hexadecimal) continue;
    target[end++] = 0x30;
    target[end++] = 0x30;
    target[end++] = digits[byte >> 4]!;
    target[end++] = digits[byte & 15]!;
  }
  return end;
}

const backslash = 0x5c;
const hexadecimal = 0x75;
const digits = Buffer.from("0123456789abcdef");

/** What follows the backslash, by byte; 0: the byte is not escaped. */
const escapes = new Uint8Array(256).fill(hexadecimal, 0, 0x20);
for (const [index, byte] of Buffer.from('\b\t\n\f\r"\\').entries())
  escapes[byte] = 'btnfr"\\'.charCodeAt(index);

/** Returns the current time in the unit of a job's log (protocol section 5.1). */
export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
