import type { AgentSignals, JobSource, JobSourceContext } from "../core/contracts/job-source.ts";
import type { Logger } from "../core/contracts/logger.ts";
import type { StopReason } from "../core/contracts/agent-status.ts";
import { toMessage } from "../core/errors.ts";
import { createSlowCallError, findOrigin } from "../core/host/attribution.ts";
import { toDuration } from "../core/host/deadline.ts";
import { afterAbort } from "../core/aborted.ts";

export interface SourceLimits {
  /** Milliseconds for which a source without a job may run on after a signal. Default: 10 s. */
  readonly limitMs?: number;
  /** Milliseconds between two reports. Default: a minute. */
  readonly repeatMs?: number;
}

/**
 * Runs a job source. After a hand-over it is awaited for 10 s. One that has no job and does not return after
 * an interrupt is reported, first after 10 s; it may still try to reach its control plane, and the third
 * signal ends the agent.
 */
export async function runSource(
  source: JobSource,
  context: JobSourceContext,
  { isBusy, limitMs = 10_000, repeatMs = 60_000 }: SourceLimits & { readonly isBusy: () => boolean },
): Promise<StopReason> {
  const { signals, logger } = context;
  const handedOver = Promise.withResolvers<StopReason>();
  const giveUp = () => {
    logger.error(toMessage(createSlowCallError(source, "run", `${toDuration(limitMs)} after the hand-over`)));
    handedOver.resolve("requested");
  };
  using _handOver = afterAbort(signals.handOver, limitMs, giveUp);
  using _lateEnd = reportLateEnd(source, { signals, logger, isBusy, limitMs, repeatMs });
  return await Promise.race([source.run(context), handedOver.promise]);
}

type LateEndOptions = Required<SourceLimits> & {
  readonly signals: AgentSignals;
  readonly logger: Logger;
  readonly isBusy: () => boolean;
};

function reportLateEnd(source: JobSource, options: LateEndOptions): Disposable {
  const { signals, logger, isBusy, limitMs, repeatMs } = options;
  let timer: NodeJS.Timeout | undefined;
  const report = () => {
    if (isBusy()) return;
    const { plugin, where } = findOrigin(source) ?? { plugin: "unknown", where: "its job source" };
    logger.warn(`plugin "${plugin}" has not returned from ${where}.run since the interrupt`);
  };
  const wait = afterAbort(signals.interrupt, limitMs, () => {
    report();
    timer = setInterval(report, repeatMs);
  });
  return {
    [Symbol.dispose]() {
      wait[Symbol.dispose]();
      clearInterval(timer);
    },
  };
}
