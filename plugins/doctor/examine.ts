import { type Check, type CheckContext, type Finding, toDuration, toMessage, toOwnerName } from "signalman";
import { setTimeout as sleep } from "node:timers/promises";

/** A check, and who brought it. */
export interface NamedCheck {
  readonly name: string;
  readonly owner: string;
  readonly check: Check;
}

export type Diagnosis = Finding & { readonly owner: string; readonly check: string };

export interface ExamineOptions extends Omit<CheckContext, "signal"> {
  /** Of each check. */
  readonly deadlineMs: number;
  /** Aborts when nobody wants to know any more. */
  readonly signal: AbortSignal;
}

/** Runs all checks at once, and waits for none longer than it has time. In the order of `checks`; never rejects. */
export async function examine(
  checks: readonly NamedCheck[],
  options: ExamineOptions,
): Promise<readonly Diagnosis[]> {
  const found = await Promise.all(
    checks.map(async (named) => {
      const findings = await runCheck(named, options);
      return findings.map((finding) => ({ ...finding, owner: named.owner, check: named.name }));
    }),
  );
  return found.flat();
}

/** A check that gives up at its deadline can say itself what it waited for. */
const lastWordsMs = 1000;

async function runCheck(named: NamedCheck, options: ExamineOptions): Promise<readonly Finding[]> {
  const { deadlineMs, config, env } = options;
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, deadlineMs);
  options.signal.addEventListener("abort", abort, { once: true });
  const context = { config, env, signal: controller.signal };
  const late = Promise.withResolvers<void>();
  controller.signal.addEventListener("abort", () => void sleep(lastWordsMs).then(late.resolve));
  if (options.signal.aborted) abort();
  try {
    const work = (async () => named.check.run(context))();
    const answer = await Promise.race([work, late.promise]);
    return answer === undefined && controller.signal.aborted
      ? [toSlow(named, deadlineMs)]
      : toFindings(named, answer);
  } catch (error) {
    return [controller.signal.aborted ? toSlow(named, deadlineMs) : toFailed(named, toMessage(error))];
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", abort);
  }
}

function toSlow({ name, owner }: NamedCheck, deadlineMs: number): Finding {
  return {
    level: "error",
    title: `check "${name}" of ${toOwnerName(owner)} gave no answer within ${toDuration(deadlineMs)}`,
    remedy: "look at what it checks by hand; give it longer with --timeout, or turn the plugin off",
  };
}

function toFailed({ name, owner }: NamedCheck, message: string): Finding {
  return {
    level: "error",
    title: `check "${name}" of ${toOwnerName(owner)} failed`,
    detail: message,
    remedy: "tell whoever wrote it; what it checks is not known",
  };
}

/** Plugins may be JavaScript, so that types alone promise nothing. */
function toFindings(named: NamedCheck, answer: unknown): readonly Finding[] {
  const wanted = "expected a list of { level: ok, warning or error, title, remedy where it is not ok }";
  if (!Array.isArray(answer)) return [toFailed(named, `it gave ${Bun.inspect(answer)} (${wanted})`)];
  return answer.map((entry: unknown) =>
    isFinding(entry) ? entry : toFailed(named, `it gave ${Bun.inspect(entry)} (${wanted})`),
  );
}

function isFinding(value: unknown): value is Finding {
  const { level, title, detail, remedy } = Object(value) as Record<string, unknown>;
  const isText = (text: unknown): text is string => typeof text === "string" && text !== "";
  const isWhole = isText(title) && (detail === undefined || isText(detail));
  return isWhole && (level === "ok" || ((level === "warning" || level === "error") && isText(remedy)));
}
