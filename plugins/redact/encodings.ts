import { isUtf8 } from "node:buffer";
import { trimEnd } from "signalman";

/** Minimum size of a masked value in bytes; too much other output would match shorter ones. */
export const minSecretBytes = 6;

/** Maximum size of a value whose encodings are masked as well, since each of them is kept in memory. */
const maxEncodedBytes = 64 * 1024;

/**
 * Lists the byte strings that reveal a value: the value itself (with line ends as `\r\n` or `\n`, and without trailing ones), in base64 at each of the
 * three offsets, percent-encoded, as JSON text, in shell quotes, in hexadecimal. None is shorter than `minSecretBytes`.
 */
export function toForms(secret: string | Uint8Array): Uint8Array[] {
  // One character per byte, so that text methods work on any bytes.
  const value = trimEnd(Buffer.from(secret as string).toString("latin1"), "\r\n");
  const plain = value.replaceAll("\r\n", "\n");
  const forms = new Set([value, plain, plain.replaceAll("\n", "\r\n"), value.replaceAll("\n", "\r\n")]);
  if (value.length >= minSecretBytes && value.length <= maxEncodedBytes) {
    for (const form of new Set([value, plain]).values()) {
      for (const encoded of encode(Buffer.from(form, "latin1"))) forms.add(encoded);
    }
  }
  return [...forms]
    .filter((form) => form.length >= minSecretBytes)
    .map((form) => Buffer.from(form, "latin1"));
}

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
  for (const rules of percentRules) {
    yield percentEncode(value, rules, "upper");
    yield percentEncode(value, rules, "lower");
  }
  yield value.toString("latin1").replaceAll("'", "'\\''");
  if (!isUtf8(value)) return;
  for (const escape of jsonEscapes) yield Buffer.from(escape(value.toString())).toString("latin1");
}

/** Returns the base64 characters that do not depend on neighbouring bytes, when `shift` bytes (modulo three) precede the value. */
function base64Middle(value: Buffer, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), value]).toString("base64");
  return encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + value.length) * 8) / 6));
}

interface PercentRules {
  /** Characters that are not encoded, besides letters and digits. */
  readonly safe: string;
  readonly space: "%20" | "+";
}

const percentRules: readonly PercentRules[] = [
  { safe: "-_.~", space: "%20" }, // RFC 3986: curl, jq, Python's quote with safe=""
  { safe: "-_.~/", space: "%20" }, // Python's quote
  { safe: "-_.!~*'()", space: "%20" }, // encodeURIComponent
  { safe: "-_.!~*'();/?:@&=+$,#", space: "%20" }, // encodeURI
  { safe: "-_.*", space: "+" }, // forms
  { safe: "-_.~", space: "+" }, // Python's quote_plus, Go's QueryEscape
];

function percentEncode(value: Buffer, { safe, space }: PercentRules, digits: "upper" | "lower"): string {
  let text = "";
  for (const byte of value) {
    const character = String.fromCharCode(byte);
    const hex = byte.toString(16).padStart(2, "0");
    if (/[A-Za-z0-9]/.test(character) || safe.includes(character)) text += character;
    else if (character === " ") text += space;
    else text += `%${digits === "upper" ? hex.toUpperCase() : hex}`;
  }
  return text;
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
