import { stderr } from "../os/this-process/output.ts";
import { AgentError, type ErrorCode, toMessage } from "../core/errors.ts";
import { toPrintable } from "../core/text/printable.ts";
import { createPaint } from "./output/colour.ts";
import { print } from "./output/print.ts";
import { hasColour, isTerminal } from "./output/terminal.ts";

export interface ReportOptions {
  /** Whether to print stack traces as well. */
  readonly isDebug: boolean;
  /** Name of the called command, if it is known: an error of usage refers to its help page. */
  readonly command?: string | undefined;
  /** Redacts secrets. */
  hide(text: string): string;
}

/**
 * Prints an error and its causes to stderr. Returns the exit status: 2 for faulty input of the user and
 * unsafe places on its host, otherwise 1.
 */
export function report(thrown: unknown, { isDebug, command, hide }: ReportOptions): number {
  const paint = createPaint(hasColour(isTerminal(stderr())));
  const lines = [
    `${paint("31", "error:")} ${toText(thrown)}`,
    ...toCauses(thrown).map((text) => `caused by: ${text}`),
  ];
  if (thrown instanceof AgentError && thrown.code === "USAGE_INVALID")
    lines.push(`see "signalman help${command === undefined || command === "help" ? "" : ` ${command}`}"`);
  if (thrown instanceof AgentError && explainedCodes.has(thrown.code))
    lines.push(`help: signalman help errors ${thrown.code}`);
  if (isDebug) lines.push(...collectStacks(thrown));
  print(hide(lines.join("\n")), stderr());
  return thrown instanceof AgentError && usageCodes.has(thrown.code) ? 2 : 1;
}

/** Errors whose remedy is not in their message. */
const explainedCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "CONTROL_GROUP_FAILED",
  "CONTROL_PLANE_FAILED",
  "PLUGIN_SLOW",
  "SESSION_FAILED",
  "SPOOL_FAILED",
  "STATE_INVALID",
  "TERMINAL_FAILED",
]);

const usageCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "USAGE_INVALID",
  "CONFIG_INVALID",
  "CONFIG_UNREADABLE",
  "JOB_INVALID",
  "JOB_UNREADABLE",
  "PLUGIN_INVALID",
  "PLUGIN_UNKNOWN",
  "STATE_UNSAFE",
]);

function toText(thrown: unknown): string {
  return toPrintable(thrown instanceof Error ? toMessage(thrown) : String(thrown));
}

/** Messages of the causes, without those that an earlier message already contains. */
function toCauses(thrown: unknown): string[] {
  const causes = collectCauses(thrown);
  return causes
    .map(toText)
    .filter(
      (text, index, texts) =>
        ![toText(thrown), ...texts.slice(0, index)].some((printed) => printed.includes(text)),
    );
}

function collectCauses(thrown: unknown, seen = new Set<unknown>()): unknown[] {
  if (!(thrown instanceof Error) || seen.has(thrown)) return [];
  seen.add(thrown);
  const inner = [
    ...(thrown.cause === undefined ? [] : [thrown.cause]),
    ...(thrown instanceof AggregateError ? thrown.errors : []),
    ...(thrown instanceof SuppressedError ? [thrown.error, thrown.suppressed] : []),
  ];
  return inner.flatMap((cause) => [cause, ...collectCauses(cause, seen)]);
}

function collectStacks(thrown: unknown): string[] {
  return [thrown, ...collectCauses(thrown)].flatMap((cause) =>
    cause instanceof Error && cause.stack ? [toPrintable(cause.stack)] : [],
  );
}
