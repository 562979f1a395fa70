import { toMessage } from "../errors.ts";
import type { LogFormat, LogLevel } from "../contracts/logger.ts";

/** The parts of a log line, with secrets masked. */
export interface LogRecord {
  readonly date: Date;
  readonly level: LogLevel;
  readonly name: string | undefined;
  readonly tag: string;
  readonly fields: readonly (readonly [string, unknown])[];
  readonly message: string;
}

/** Converts any value to JSON values with secrets masked. Never throws. */
export function toPlain(value: unknown, secrets: ReadonlySet<string>): unknown {
  try {
    const json = JSON.stringify(value, (_, inner: unknown) => {
      if (inner instanceof Error) return redact(toChain(inner), secrets);
      if (typeof inner === "string") return redact(inner, secrets);
      if (typeof inner !== "number" && typeof inner !== "bigint") return inner;
      const text = redact(String(inner), secrets);
      return text === String(inner) && typeof inner === "number" ? inner : text;
    });
    return json === undefined ? typeof value : (JSON.parse(json) as unknown);
  } catch (error) {
    return `not serialisable: ${redact(toMessage(error), secrets)}`;
  }
}

function toChain(error: Error): string {
  return error.cause === undefined
    ? toMessage(error)
    : `${toMessage(error)}: ${error.cause instanceof Error ? toChain(error.cause) : toMessage(error.cause)}`;
}

/** Whether a value is long enough to be masked. Shorter values are words such as `true`, which must stay readable. */
export function isSecret(value: string): boolean {
  return value.length >= 6;
}

/** Masks secrets in a text: the longest first, since a secret may contain another. */
export function redact(text: string, secrets: ReadonlySet<string>): string {
  let shown = text;
  for (const secret of [...secrets].toSorted((a, b) => b.length - a.length)) {
    shown = shown.replaceAll(secret, "[REDACTED]");
  }
  return shown;
}

export function toLine(record: LogRecord, format: LogFormat): string {
  return format === "json" ? toJsonLine(record) : toHumanLine(record);
}

function toJsonLine({ date, level, name, tag, fields, message }: LogRecord): string {
  const reserved = { time: date.toISOString(), level, ...(name && { name }), ...(tag && { tag }) };
  const own = fields.map(([key, value]) => [
    key in reserved || key === "message" ? `field.${key}` : key,
    value,
  ]);
  return escapeControls(JSON.stringify({ ...reserved, ...Object.fromEntries(own), message }));
}

/** Formats a line as the reference does (protocol section 8.6); the level is one of the fields unless it is `info`. */
function toHumanLine({ date, level, name, tag, fields, message }: LogRecord): string {
  const words = [
    toStamp(date),
    ...(name ? [name] : []),
    ...(tag ? [tag] : []),
    ...(level === "info" ? [] : [`level=${level}`]),
    ...fields.map(([key, value]) => `${key}=${toWord(value)}`),
  ];
  return escapeControls(`${words.join(" ")} : ${message}`);
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Formats a time as `Jan _2 15:04:05.000`, in UTC. */
function toStamp(date: Date): string {
  const day = String(date.getUTCDate()).padStart(2, " ");
  return `${months[date.getUTCMonth()]} ${day} ${date.toISOString().slice(11, 23)}`;
}

function toWord(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[^\s"=\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value);
}

/** Escapes control characters, terminal sequences, line ends and characters that reorder text. */
function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, (character) =>
    character === "\n" ? "\\n" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
