import type { JobCommandEnd, JobCommandHandler } from "../../core/contracts/job-command.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { isAgentError, toMessage } from "../../core/errors.ts";
import { attributeError, findOrigin } from "../../core/host/attribution.ts";
import { toDuration } from "../../core/host/deadline.ts";
import { findPlace } from "../../core/host/plugin-source.ts";
import { createCallContext, type JobCallFacts } from "./call-context.ts";
import { type JobMessage, type JobOutcome, maxAnswerBytes, refuse } from "./messages.ts";

/** The commands that a job's own processes can call, by name. */
export type JobCommands = ReadonlyMap<string, JobCommandHandler>;

export interface JobCallsOptions {
  readonly commands: JobCommands;
  readonly facts: JobCallFacts;
  readonly logger: Logger;
}

/** The calls of a job's commands. Disposal ends them all, without waiting for handlers. */
export interface JobCalls extends Disposable {
  /**
   * Calls the command that a message names. `done` receives the outcome, once and before this returns if the
   * handler is synchronous; then the result is `undefined`.
   */
  call(message: JobMessage, done: (outcome: JobOutcome) => void): JobCall | undefined;
}

/** A call that has not ended. */
export interface JobCall {
  /** The caller has gone: `done` is not called. */
  hangUp(): void;
}

/** Maximum number of calls of one command whose handler has not returned. */
export const maxCalls = 64;
const defaultTimeoutMs = 30_000;
/** The longest time of a timer. */
const longestMs = 2 ** 31 - 1;
/** Maximum number of lines in the agent's log about commands of one job, which is not trusted. */
const maxLogged = 100;
/** Maximum length of a refusal. */
const refusalCharacters = 4096;

export function createJobCalls({ commands, facts, logger }: JobCallsOptions): JobCalls {
  const report = createReport(logger);
  /** Number of handlers that have not returned, by command. */
  const running = new Map<JobCommandHandler, number>();
  const open = new Set<(reason: JobCommandEnd, outcome: JobOutcome) => void>();
  let isEnded = false;

  function call(message: JobMessage, done: (outcome: JobOutcome) => void): JobCall | undefined {
    const name = message.do;
    const handler = commands.get(name);
    if (handler === undefined) return void done(refuse("unknown", toUnknown(name, commands)));
    if (isEnded) return void done(jobEnded);
    if ((running.get(handler) ?? 0) >= maxCalls)
      return void done(refuse("busy", `${maxCalls} calls of "${name}" are running`));
    const { context, end } = createCallContext(facts, name);
    const command: Command = { name, handler };
    let outcome: JobOutcome;
    try {
      const result: unknown = handler.run(message, context);
      if (isThenable(result)) return follow(command, Promise.resolve(result), { end, done });
      outcome = toOutcome(command, result);
    } catch (error) {
      outcome = report(command, error);
    }
    end();
    return void done(outcome);
  }

  function follow(
    command: Command,
    work: Promise<unknown>,
    { end, done }: { end: (reason?: JobCommandEnd) => void; done: (outcome: JobOutcome) => void },
  ): JobCall {
    const { handler } = command;
    running.set(handler, (running.get(handler) ?? 0) + 1);
    let isOver = false;
    const finish = (reason: JobCommandEnd | undefined, outcome?: JobOutcome) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      open.delete(finish);
      end(reason);
      if (outcome !== undefined) done(outcome);
    };
    const ms = Math.min(handler.timeoutMs ?? defaultTimeoutMs, longestMs);
    const expire = () => {
      const why = `${toSubject(command)} did not answer within ${toDuration(ms)}`;
      report.line("warn", why);
      finish("timeout", refuse("timeout", why));
    };
    const timer = setTimeout(expire, ms);
    open.add(finish);
    const settle = (toResult: () => JobOutcome) => {
      running.set(handler, running.get(handler)! - 1);
      // A late result is of no use, and a late rejection is the plugin's way to obey the signal.
      if (!isOver) finish(undefined, toResult());
    };
    work.then(
      (result) =>
        settle(() => {
          try {
            return toOutcome(command, result);
          } catch (error) {
            return report(command, error);
          }
        }),
      (error: unknown) => settle(() => report(command, error)),
    );
    return { hangUp: () => finish("disconnected") };
  }

  return {
    call,
    [Symbol.dispose]() {
      isEnded = true;
      for (const finish of open) finish("job-ended", jobEnded);
    },
  };
}

interface Command {
  readonly name: string;
  readonly handler: JobCommandHandler;
}

const jobEnded = refuse("ended", "the job has ended");

/** Converts what a handler returned. Throws for what is not an answer. */
function toOutcome({ name }: Command, result: unknown): JobOutcome {
  if (result === undefined) return { isDone: true, json: "{}" };
  const found = toAnswerText(result);
  if (found.json === undefined)
    throw new InvalidAnswer(`the answer of "${name}" ${found.fault}`, { cause: found.cause });
  return { isDone: true, json: found.json };
}

/** The fault in an answer, which does not show the answer itself. */
class InvalidAnswer extends Error {}

function toAnswerText(result: unknown): { json: string } | { json?: never; fault: string; cause?: unknown } {
  if (typeof result !== "object" || result === null || Array.isArray(result))
    return { fault: `must be a JSON object, not ${toKind(result)}` };
  try {
    // The text of an object with `toJSON` may be anything.
    const json: unknown = JSON.stringify(result);
    if (typeof json !== "string" || !json.startsWith("{")) return { fault: "must be a JSON object" };
    const bytes = Buffer.byteLength(json);
    return bytes > maxAnswerBytes
      ? { fault: `has ${bytes} bytes, and ${maxAnswerBytes} are the limit` }
      : { json };
  } catch (cause) {
    return { fault: "cannot be written as JSON", cause };
  }
}

function toKind(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
}

/** Reports failures in the agent's log, and returns what the job's user may read. */
function createReport(logger: Logger) {
  let logged = 0;
  const line = (level: "info" | "warn" | "error", message: string, stack?: string) => {
    logged += 1;
    if (logged > maxLogged) return;
    logger[level](message);
    if (stack !== undefined) logger.debug(stack);
    if (logged === maxLogged) logger.warn("further reports of commands that this job calls are left out");
  };
  const report = (command: Command, error: unknown): JobOutcome => {
    if (isAgentError(error, "JOB_REFUSED")) {
      const place = findPlace(error)?.place;
      const sentence = error.message.slice(0, refusalCharacters);
      line("info", `${toSubject(command)} refused${place ? ` (${place})` : ""}: ${sentence}`);
      return refuse("refused", sentence);
    }
    const origin = findOrigin(command.handler) ?? { plugin: "unknown", where: `command "${command.name}"` };
    const stack = error instanceof Error ? error.stack : undefined;
    const attributed = attributeError(error, origin);
    const text = toMessage(attributed);
    line("error", isAgentError(attributed) ? text : `${toSubject(command)} failed: ${text}`, stack);
    const fault = error instanceof InvalidAnswer ? error.message : "the agent's log has the reason";
    return refuse("failed", `${toSubject(command)} failed: ${fault}`);
  };
  return Object.assign(report, { line });
}

/** Names a command and its plugin. */
function toSubject({ name, handler }: Command): string {
  const origin = findOrigin(handler);
  return `command "${name}"${origin ? ` of plugin "${origin.plugin}"` : ""}`;
}

function toUnknown(name: string, commands: JobCommands): string {
  const known = [...commands.keys()].join(", ") || "none";
  return `no command "${name.slice(0, 100)}" (known: ${known})`;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}
