import { toMessage } from "../errors.ts";
import type { LogFormat, LogLevel } from "../contracts/logger.ts";

/** One line of the agent's log before it is one. Nothing secret is in it any more. */
export interface LogRecord {
  readonly date: Date;
  readonly level: LogLevel;
  readonly name: string | undefined;
  readonly tag: string;
  readonly fields: readonly (readonly [string, unknown])[];
  readonly message: string;
}

/** JSON values only, without secrets, whatever it was. A log line never throws. */
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
    return `cannot be shown: ${redact(toMessage(error), secrets)}`;
  }
}

function toChain(error: Error): string {
  return error.cause === undefined
    ? toMessage(error)
    : `${toMessage(error)}: ${error.cause instanceof Error ? toChain(error.cause) : toMessage(error.cause)}`;
}

/** Shorter ones are words such as `true`, which nobody would find in the log any more. */
export function isSecret(value: string): boolean {
  return value.length >= 6;
}

/** The longest first, so that no secret is cut by one that it contains. */
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
  return JSON.stringify({ ...reserved, ...Object.fromEntries(own), message });
}

/** The reference's line (protocol section 8.6), with the level among the fields where it is not `info`. */
function toHumanLine({ date, level, name, tag, fields, message }: LogRecord): string {
  const words = [
    toStamp(date),
    ...(name ? [name] : []),
    ...(tag ? [tag] : []),
    ...(level === "info" ? [] : [`level=${level}`]),
    ...fields.map(([key, value]) => `${key}=${toWord(value)}`),
  ];
  return `${words.join(" ")} : ${escapeControls(message)}`;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Jan _2 15:04:05.000`, in UTC. */
function toStamp(date: Date): string {
  const day = String(date.getUTCDate()).padStart(2, " ");
  return `${months[date.getUTCMonth()]} ${day} ${date.toISOString().slice(11, 23)}`;
}

function toWord(value: unknown): string {
  if (typeof value !== "string") return escapeControls(JSON.stringify(value));
  return /^[^\s"=\p{Cc}]+$/u.test(value) ? value : escapeControls(JSON.stringify(value));
}

/** A line stays one line, and nobody's escape codes reach the operator's terminal. */
function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) =>
    character === "\n" ? "\\n" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
