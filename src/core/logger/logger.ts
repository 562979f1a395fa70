import type { RootLogger, LogLevel, LogFormat, LogFields } from "../contracts/logger.ts";
import { createConsola, LogLevels, type ConsolaReporter, type LogObject } from "consola/core";
import { isSecret, type LogRecord, redact, toLine, toPlain } from "./line.ts";

/** A level as options name it. `panic` and `warning` are names of the reference (protocol section 8.5). */
export type LogLevelName = LogLevel | "panic" | "warning";
/** A destination of log lines. */
export interface LoggerSink {
  /** Minimum level of its lines. */
  readonly level?: LogLevel;
  /** Receives whole lines with their `\n`. Must not throw. */
  write(line: string): void;
  reopen?(): void;
}

export interface LoggerOptions {
  /** Minimum level of all lines. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly sinks: readonly LoggerSink[];
  /** The agent's name, if it has one already. */
  readonly name?: string;
  /** Fields of every line. */
  readonly fields?: LogFields;
}

export function createLogger(options: LoggerOptions): RootLogger {
  const secrets = new Set<string>();
  const reporters = options.sinks.map((sink): ConsolaReporter => {
    const limit = Math.min(gravity(options.level), gravity(sink.level ?? "trace"));
    return {
      log: (entry) => {
        if (gravity(entry.type as LogLevel) > limit) return;
        sink.write(`${toLine(toRecord(entry, secrets), options.format)}\n`);
      },
    };
  });
  // Repeated lines are not throttled, also when the clock is set back.
  const consola = createConsola({
    reporters,
    level: LogLevels[options.level],
    throttle: Number.NEGATIVE_INFINITY,
  });
  const withTag = (named: { name?: string | undefined }, tag: string, more: LogFields): RootLogger => {
    const at =
      (level: LogLevel) =>
      (message: string, fields?: LogFields): void => {
        const entry = { args: [message], tag, name: named.name, fields: { ...more, ...fields } };
        consola[level](entry);
      };
    return {
      trace: at("trace"),
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      fatal: at("fatal"),
      child: (childTag, fields) => withTag(named, childTag, { ...more, ...fields }),
      rename: (now) => void (named.name = now),
      fork: () => withTag({ ...named }, tag, more),
      reopen: () => options.sinks.forEach((sink) => sink.reopen?.()),
      addSecrets(values) {
        for (const value of values) if (isSecret(value)) secrets.add(value);
      },
    };
  };
  return withTag({ name: options.name }, "", options.fields ?? {});
}

export function toLogLevel(name: LogLevelName): LogLevel {
  if (name === "panic") return "fatal";
  return name === "warning" ? "warn" : name;
}

const gravities: readonly LogLevel[] = ["fatal", "error", "warn", "info", "debug", "trace"];
const gravity = (level: LogLevel): number => gravities.indexOf(level);

function toRecord(entry: LogObject, secrets: ReadonlySet<string>): LogRecord {
  const fields = Object.entries((entry["fields"] ?? {}) as LogFields);
  return {
    date: entry.date,
    level: entry.type as LogLevel,
    name: entry["name"] as string | undefined,
    tag: entry.tag,
    fields: fields
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, toPlain(value, secrets)] as const),
    message: redact(String(entry.args[0]), secrets),
  };
}
