import { isUtf8 } from "node:buffer";
import { trimEnd } from "signalman";

/** Minimum size of a masked value in bytes; too much other output would match shorter ones. */
export const minSecretBytes = 6;

/** Maximum size of a value whose encodings are masked as well, since each of them is kept in memory. */
const maxEncodedBytes = 64 * 1024;

/**
 * Minimum size of a line that is a value of its own. Shorter ones, as in JSON or YAML, are often not secret.
 */
const minLineBytes = 16;

/**
 * Lists the byte strings that reveal a value: the value itself (with line ends as `\r\n` or `\n`, and without
 * trailing ones), without the blanks that a shell removes, in base64 at each of the three offsets,
 * percent-encoded, as JSON text, in shell quotes, in hexadecimal. None is shorter than `minSecretBytes`.
 */
export function toForms(secret: string | Uint8Array): Uint8Array[] {
  // One character per byte, so that text methods work on any bytes.
  const value = trimEnd(Buffer.from(secret as string).toString("latin1"), "\r\n");
  const plain = value.replaceAll("\r\n", "\n");
  const words = plain.split(/[ \t\n]+/).filter((word) => word !== "");
  const trimmed = trimBlanks(plain);
  const forms = new Set([value, plain, plain.replaceAll("\n", "\r\n"), value.replaceAll("\n", "\r\n")]);
  forms.add(trimmed).add(words.join(" "));
  if (value.length >= minSecretBytes && value.length <= maxEncodedBytes) {
    for (const form of new Set([value, plain, trimmed]).values()) {
      for (const encoded of encode(Buffer.from(form, "latin1"))) forms.add(encoded);
    }
  }
  return [...forms]
    .filter((form) => form.length >= minSecretBytes)
    .map((form) => Buffer.from(form, "latin1"));
}

/**
 * Lists the lines of a value of several lines, without surrounding blanks: output shows them indented,
 * numbered or joined. The header and footer of PEM are not secret.
 */
export function toLines(secret: string | Uint8Array): Uint8Array[] {
  const lines = Buffer.from(secret as string)
    .toString("latin1")
    .split("\n")
    .map(trimBlanks);
  if (lines.filter((line) => line !== "").length < 2) return [];
  return [...new Set(lines)]
    .filter((line) => line.length >= minLineBytes && !/^-----(BEGIN|END) [A-Z0-9 ]+-----$/.test(line))
    .map((line) => Buffer.from(line, "latin1"));
}

function trimBlanks(text: string): string {
  let start = 0;
  while (start < text.length && blanks.includes(text[start]!)) start += 1;
  return trimEnd(text.slice(start), blanks);
}

const blanks = " \t\r\n";

function* encode(value: Buffer): Generator<string> {
  for (const shift of [0, 1, 2]) {
    const middle = base64Middle(value, shift);
    yield middle;
    yield middle.replaceAll("+", "-").replaceAll("/", "_");
  }
  // `base64` and `openssl base64` break lines; the positions are known where the value is encoded first.
  for (const columns of [76, 64]) {
    const lines = base64Middle(value, 0).match(new RegExp(`.{1,${columns}}`, "g")) ?? [];
    yield lines.join("\n");
    yield lines.join("\r\n");
  }
  yield value.toString("hex");
  yield value.toString("hex").toUpperCase();
  const text = value.toString("latin1");
  for (const rules of percentRules) {
    yield percentEncode(text, rules, "upper");
    yield percentEncode(text, rules, "lower");
  }
  yield* toShellQuotes(text);
  if (!isUtf8(value)) return;
  for (const escape of jsonEscapes) yield Buffer.from(escape(value.toString())).toString("latin1");
}

/**
 * Returns the base64 characters that do not depend on neighbouring bytes, when `shift` bytes (modulo three)
 * precede the value.
 */
function base64Middle(value: Buffer, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), value]).toString("base64");
  return encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + value.length) * 8) / 6));
}

/** As bash prints it: for `set -x`, `declare -p`, and `printf %q`. */
function* toShellQuotes(text: string): Generator<string> {
  yield text.replaceAll("'", "'\\''");
  yield text.replace(/["$`\\]/g, "\\$&");
  yield text.replace(/[ !"$&'()*,;<>?[\\\]^`{|}]|^#|(?<=^|[:=])~/g, "\\$&");
  // With control characters, and with others than ASCII in the locale C.
  yield escapeInAnsi(text, /[^ -~\x80-\xff]|['\\]/g);
  yield escapeInAnsi(text, /[^ -~]|['\\]/g);
}

/** Between the quotes of `$'…'`. */
function escapeInAnsi(text: string, characters: RegExp): string {
  return text.replace(
    characters,
    (one) => ansiEscapes[one] ?? `\\${one.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}

const ansiEscapes: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  "\x1b": "\\E",
  "'": "\\'",
  "\\": "\\\\",
};

interface PercentRules {
  /** Characters that are encoded. */
  readonly unsafe: RegExp;
  readonly space: "%20" | "+";
}

const percentRules: readonly PercentRules[] = [
  { unsafe: /[^A-Za-z0-9\-_.~]/g, space: "%20" }, // RFC 3986: curl, jq, Python's quote with safe=""
  { unsafe: /[^A-Za-z0-9\-_.~/]/g, space: "%20" }, // Python's quote
  { unsafe: /[^A-Za-z0-9\-_.!~*'()]/g, space: "%20" }, // encodeURIComponent
  { unsafe: /[^A-Za-z0-9\-_.!~*'();/?:@&=+$,#]/g, space: "%20" }, // encodeURI
  { unsafe: /[^A-Za-z0-9\-_.*]/g, space: "+" }, // forms
  { unsafe: /[^A-Za-z0-9\-_.~]/g, space: "+" }, // Python's quote_plus, Go's QueryEscape
];

/** `text` has one character per byte. */
function percentEncode(text: string, { unsafe, space }: PercentRules, digits: "upper" | "lower"): string {
  return text.replace(unsafe, (character) => {
    if (character === " ") return space;
    const hex = character.charCodeAt(0).toString(16).padStart(2, "0");
    return `%${digits === "upper" ? hex.toUpperCase() : hex}`;
  });
}

/** Between the quotes of a JSON string, as known encoders write it. */
const jsonEscapes: readonly ((text: string) => string)[] = [
  toJson, // JavaScript, jq
  (text) => toJson(text).replaceAll("/", "\\/"),
  (text) => escapeUnits(toJson(text), /[^\0-\x7f]/g), // Python, Ruby's ascii_only
  (text) => escapeUnits(toJson(text), /[^\0-\x7f]/g).replaceAll("/", "\\/"), // PHP
  (text) => escapeUnits(toJson(text), /[<>&\u2028\u2029]/g), // Go
  (text) => escapeUnits(toJson(text).replaceAll('\\"', "\\u0022"), /[^\0-\x7f]|[<>&'+`]/g, "upper"), // .NET
];

function toJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function escapeUnits(text: string, units: RegExp, digits: "upper" | "lower" = "lower"): string {
  return text.replace(units, (unit) => {
    const hex = unit.charCodeAt(0).toString(16).padStart(4, "0");
    return `\\u${digits === "upper" ? hex.toUpperCase() : hex}`;
  });
}
