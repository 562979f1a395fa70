import type { Admission, AdmissionAnswer, Pause } from "../core/contracts/admission.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { toMessage } from "../core/errors.ts";
import { createPluginError, createSlowCallError, findOrigin } from "../core/host/attribution.ts";
import { toDuration } from "../core/host/deadline.ts";
import { toHint } from "../core/text/nearest.ts";
import { toLine } from "../core/text/printable.ts";
import { onAbort } from "../core/aborted.ts";
import { createOutageLog } from "./outage-log.ts";

/** The answer of all plugins together. */
export interface AdmissionVerdict {
  /** The first refusal, in the order of the configuration. */
  readonly refusal: SlotRefusal | undefined;
  /** Why plugins gave no answer; their last ones count. */
  readonly faults: readonly string[];
}

export type SlotRefusal = Omit<Pause, "since">;

export interface AdmissionCheckOptions {
  readonly providers: ReadonlyMap<string, Admission>;
  readonly slot: number;
  readonly logger: Logger;
  /** Milliseconds for which an answer is awaited. Default: 10 s. */
  readonly answerMs?: number;
}

/** Creates a function that asks all plugins at once. It never rejects, and returns early when `ended` aborts. */
export function createAdmissionCheck(
  options: AdmissionCheckOptions,
): (ended: AbortSignal) => Promise<AdmissionVerdict> {
  const guards = [...options.providers.values()].map((provider) => createGuard(provider, options));
  return async (ended) => {
    const answers = await Promise.all(guards.map((ask) => ask(ended)));
    return {
      refusal: answers.find(({ refusal }) => refusal !== undefined)?.refusal,
      faults: answers.flatMap(({ fault }) => fault ?? []),
    };
  };
}

interface Answer {
  readonly refusal: SlotRefusal | undefined;
  readonly fault: string | undefined;
}

/** Asks one plugin. One that has not returned is not asked again until it has, so that its calls do not add up. */
function createGuard(
  provider: Admission,
  { slot, logger, answerMs = 10_000 }: AdmissionCheckOptions,
): (ended: AbortSignal) => Promise<Answer> {
  const { plugin, where } = findOrigin(provider)!;
  const outage = createOutageLog({
    logger,
    level: "error",
    describeFailure: (reason) => `${reason}; its last answer counts, and without one the slot takes jobs`,
    recovery: `plugin "${plugin}" answers from ${where}.check again`,
  });
  let last: Answer = { refusal: undefined, fault: undefined };
  let isLate = false;

  async function call(signal: AbortSignal): Promise<SlotRefusal | undefined> {
    try {
      return toRefusal(await provider.check({ slot, signal }), { plugin, where });
    } finally {
      isLate = false;
    }
  }

  function fail(fault: string): Answer {
    outage.failed(fault);
    return (last = { ...last, fault });
  }

  return async (ended) => {
    if (isLate) return fail(last.fault!);
    const stop = new AbortController();
    const { promise: over, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      isLate = true;
      reject(createSlowCallError(provider, "check", toDuration(answerMs)));
      stop.abort();
    }, answerMs);
    using _ended = onAbort(ended, () => {
      reject(ended.reason);
      stop.abort();
    });
    const calling = call(stop.signal);
    try {
      const refusal = await Promise.race([calling, over]);
      outage.recovered();
      return (last = { refusal, fault: undefined });
    } catch (error) {
      return ended.aborted ? last : fail(toLine(toFault(error, { plugin, where }), maxLength));
    } finally {
      clearTimeout(timer);
      calling.catch(() => {});
    }
  };
}

interface Origin {
  readonly plugin: string;
  readonly where: string;
}

/** An aborted check and a refusal of a job are errors that name no plugin. */
function toFault(error: unknown, { plugin, where }: Origin): string {
  const message = toMessage(error);
  return message.includes(`plugin "${plugin}"`)
    ? message
    : `plugin "${plugin}" failed in ${where}.check: ${message}`;
}

function toRefusal(answer: AdmissionAnswer, { plugin, where }: Origin): SlotRefusal | undefined {
  if (answer === undefined) return undefined;
  const given: Record<string, unknown> = typeof answer === "string" ? { reason: answer } : Object(answer);
  const { reason, until } = given;
  const isText = (text: unknown): text is string => typeof text === "string" && text.trim() !== "";
  if (!isText(reason) || !(until === undefined || isText(until))) {
    const fault = `plugin "${plugin}" must return a reason or nothing from ${where}.check`;
    throw createPluginError("PLUGIN_INVALID", `${fault}, not ${Bun.inspect(answer)}`);
  }
  const unknown = Object.keys(given).find((member) => member !== "reason" && member !== "until");
  if (unknown !== undefined) {
    const hint = toHint(unknown, ["reason", "until"]);
    const fault = `plugin "${plugin}" must return "reason" and "until" only from ${where}.check`;
    throw createPluginError("PLUGIN_INVALID", `${fault}, not "${unknown}"${hint}`);
  }
  return {
    reason: toLine(reason, maxLength),
    ...(until !== undefined && { until: toLine(until, maxLength) }),
    plugin,
  };
}

const maxLength = 200;
