import type { StopReason } from "../../core/contracts/agent-status.ts";
import type { JobSourceContext } from "../../core/contracts/job-source.ts";
import { onAbort } from "../../core/aborted.ts";

/** The end of a slot, as its operator requests it. */
export interface DrainAnnouncement extends Disposable {
  /** Aborts when the slot must not take another job: after an interrupt, a drain or a hand-over. */
  readonly signal: AbortSignal;
  /**
   * Resolves to what `run` of a job source resolves to, once `draining` was reported. A source that ends by itself
   * passes its reason. After a hand-over nothing is reported.
   */
  end(reason?: StopReason): Promise<StopReason>;
}

/** Reports `draining` once, as soon as the operator ends the slot. Disposed when the source's `run` ends. */
export function announceDrain({
  signals,
  draining,
}: Pick<JobSourceContext, "signals" | "draining">): DrainAnnouncement {
  const { interrupt, drain, handOver } = signals;
  let announced: { readonly reason: StopReason; readonly done: Promise<void> } | undefined;
  const announce = (reason: StopReason) => (announced ??= { reason, done: draining(reason) });
  const listeners = new DisposableStack();
  listeners.use(onAbort(interrupt, () => void announce("interrupted")));
  listeners.use(onAbort(drain, () => void announce(toReason(drain))));
  return {
    signal: AbortSignal.any([interrupt, drain, handOver]),
    async end(own = "requested") {
      if (handOver.aborted) return "requested";
      const { done } = announce(own);
      await done;
      if (interrupt.aborted) return "interrupted";
      return drain.aborted ? toReason(drain) : own;
    },
    [Symbol.dispose]: () => listeners.dispose(),
  };
}

/** SIGQUIT has no reason of its own. */
function toReason({ reason }: AbortSignal): StopReason {
  return typeof reason === "string" ? (reason as StopReason) : "requested";
}
