import { toPrintable } from "../../core/text/printable.ts";
import { stdout } from "../../os/this-process/output.ts";

interface Stream {
  write(text: string): unknown;
}

/**
 * Prints lines. Commands print with this function and {@link printJson} only, because names, results and
 * errors come from jobs, control planes and other users: control characters are shown as pictures. Colours
 * (SGR) pass, so untrusted text must be made printable before it is coloured.
 */
export function print(text: string, stream: Stream = stdout()): void {
  stream.write(`${toTerminalText(text)}\n`);
}

/** Prints a value as JSON, on one line unless `indent` is set. */
export function printJson(value: unknown, indent = 0, stream: Stream = stdout()): void {
  stream.write(`${toJsonText(JSON.stringify(value, null, indent))}\n`);
}

/** Replaces everything that could control a terminal, except for colours. */
export function toTerminalText(text: string): string {
  return text
    .split(style)
    .map((part, index) => (index % 2 === 1 ? part : toPrintable(part)))
    .join("");
}

/** Escapes what could control a terminal in the strings of a JSON text; its value stays the same. */
export function toJsonText(json: string): string {
  return json.replaceAll(
    unsafe,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

// oxlint-disable-next-line no-control-regex
const style = /(\x1b\[[\d;]{0,64}m)/;
// oxlint-disable-next-line no-control-regex
const unsafe = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;
