import { type Check, type CheckContext, type Finding, onAbort, toDuration, toMessage } from "signalman";
import { toOwnerName } from "signalman/host";
import { setTimeout as sleep } from "node:timers/promises";

/** A check with its name and its owner: a plugin, or the core. */
export interface NamedCheck {
  readonly name: string;
  readonly owner: string;
  readonly check: Check;
}

/** A finding with the check that reported it. */
export type Diagnosis = Finding & { readonly owner: string; readonly check: string };

export interface RunChecksOptions extends Omit<CheckContext, "signal"> {
  /** Time-out of each check. */
  readonly deadlineMs: number;
  /** Aborts when the command is interrupted. */
  readonly signal: AbortSignal;
  /** Filled with the names of the checks that have not finished. */
  readonly pending?: Set<string>;
}

/**
 * Runs all checks concurrently, each until its deadline. Returns the diagnoses in the order of `checks`;
 * never rejects.
 */
export async function runChecks(
  checks: readonly NamedCheck[],
  options: RunChecksOptions,
): Promise<readonly Diagnosis[]> {
  const found = await Promise.all(
    checks.map(async (named) => {
      options.pending?.add(named.name);
      const findings = await runCheck(named, options);
      options.pending?.delete(named.name);
      return findings.map((finding) => ({ ...finding, owner: named.owner, check: named.name }));
    }),
  );
  return found.flat();
}

/** Time after the deadline in which a check can still report what it waited for. */
const lateAnswerMs = 1000;

async function runCheck(named: NamedCheck, options: RunChecksOptions): Promise<readonly Finding[]> {
  const { deadlineMs, config, env } = options;
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, deadlineMs);
  const context = { config, env, signal: controller.signal };
  const late = Promise.withResolvers<void>();
  using _late = onAbort(controller.signal, () => void sleep(lateAnswerMs).then(late.resolve));
  using _listener = onAbort(options.signal, abort);
  try {
    const work = (async () => named.check.run(context))();
    const answer = await Promise.race([work, late.promise]);
    return answer === undefined && controller.signal.aborted
      ? [toTimeout(named, deadlineMs)]
      : toFindings(named, answer);
  } catch (error) {
    return [controller.signal.aborted ? toTimeout(named, deadlineMs) : toFailure(named, toMessage(error))];
  } finally {
    clearTimeout(timer);
  }
}

function toTimeout({ name, owner }: NamedCheck, deadlineMs: number): Finding {
  return {
    level: "error",
    title: `check "${name}" of ${toOwnerName(owner)} did not finish within ${toDuration(deadlineMs)}`,
    remedy: "examine its subject by hand, extend the time-out with --timeout, or turn the plugin off",
  };
}

function toFailure({ name, owner }: NamedCheck, message: string): Finding {
  return {
    level: "error",
    title: `check "${name}" of ${toOwnerName(owner)} failed`,
    detail: message,
    remedy: "report the error to the author of the check; until then, examine its subject by hand",
  };
}

/** Validates the findings: plugins may be JavaScript, which the types do not cover. */
function toFindings(named: NamedCheck, answer: unknown): readonly Finding[] {
  const expected =
    "expected a list of { level, title, remedy }: the level is ok, warning or error, and ok has no remedy";
  if (!Array.isArray(answer)) return [toFailure(named, `it returned ${Bun.inspect(answer)} (${expected})`)];
  return answer.map((entry: unknown) =>
    isFinding(entry) ? entry : toFailure(named, `it returned ${Bun.inspect(entry)} (${expected})`),
  );
}

function isFinding(value: unknown): value is Finding {
  const { level, title, detail, remedy } = Object(value) as Record<string, unknown>;
  const isText = (text: unknown): text is string => typeof text === "string" && text !== "";
  const isWhole = isText(title) && (detail === undefined || isText(detail));
  return isWhole && (level === "ok" || ((level === "warning" || level === "error") && isText(remedy)));
}
