import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import { isRefusal } from "../client/api-error.ts";
import type { Link } from "../session/link.ts";
import type { PodWatch } from "./pod-watch.ts";

/** Time for which the cluster may refuse the agent before its job ends: rights may be replaced by others. */
export const refusalMs = 60_000;

/**
 * Ends the session when the agent's rights are taken away for longer than `refusalMs`, as by the end of a Helm release:
 * nothing of the job could be written or cleaned up any more. Resolves when the session has ended.
 */
export async function watchRights(
  watch: PodWatch,
  {
    link,
    logger,
    refusedMs = refusalMs,
    retryMs = 3000,
  }: {
    readonly link: Link;
    readonly logger: Logger;
    /** For tests. */
    readonly refusedMs?: number;
    readonly retryMs?: number;
  },
): Promise<void> {
  const closing = new AbortController();
  void link.ended.then(() => closing.abort());
  const ended = link.ended.then(() => "ended" as const);
  while (!closing.signal.aborted && !watch.isGone) {
    if (watch.refusal === undefined && (await Promise.race([watch.changed(), ended])) === "ended") return;
    if (watch.refusal === undefined) continue;
    const why = watch.refusal;
    logger.warn(`the cluster refuses the agent: ${why}; the job ends if this lasts`, {
      seconds: refusedMs / 1000,
    });
    let until = performance.now() + refusedMs;
    while (watch.refusal !== undefined && !closing.signal.aborted) {
      if (performance.now() > until) return link.giveUp(toRefusalReason(why));
      await sleep(retryMs, undefined, { signal: closing.signal }).catch(() => {});
      // A success clears the refusal.
      await watch.refresh().catch((error: unknown) => {
        if (isRefusal(error)) return;
        // An outage is no refusal: `kubernetes-lost-timeout` counts.
        until = performance.now() + refusedMs;
        logger.debug(String(error));
      });
    }
    if (!closing.signal.aborted) logger.info("the cluster accepts the agent again");
  }
}

/** Why a job has ended without rights, for its log. */
export function toRefusalReason(why: string): string {
  return `the agent's rights in the cluster were taken away, as by the end of its release: ${why}`;
}
