import type { AgentStatus, SlotStatus } from "signalman";

/** Why the agent would not do well with another job. */
export interface NotReady {
  readonly reason: "not-registered" | "failed" | "draining" | "lost" | "sync-failed" | "sync-late";
  /** From 0; left out when it is the whole agent. */
  readonly slot?: number;
  readonly message: string;
}

export interface ReadinessOptions {
  readonly status: AgentStatus;
  /** When a slot was registered; Unix milliseconds. */
  readonly registeredAt: ReadonlyMap<number, number>;
  readonly syncAgeMs: number;
  readonly now: number;
}

/**
 * Nothing: it is ready. A slot that drains, or left as it should, is none of the reasons as long as another one takes jobs; one that failed always is.
 */
export function readReadiness(options: ReadinessOptions): NotReady[] {
  const { slots } = options.status;
  const reasons = slots.flatMap((slot) => toReasons(slot, options));
  const isOpen = ({ state, draining }: SlotStatus) => state !== "left" && draining === undefined;
  if (slots.length === 0) {
    return [{ reason: "not-registered", message: "no slot has begun yet" }];
  }
  if (slots.some(isOpen)) return reasons;
  const why = slots.findLast(({ draining, reason }) => draining ?? reason);
  return [
    ...reasons,
    { reason: "draining", message: `it takes no further jobs: ${why?.draining ?? why?.reason}` },
  ];
}

function toReasons(status: SlotStatus, { registeredAt, syncAgeMs, now }: ReadinessOptions): NotReady[] {
  const { slot, state, draining, reason, error, sync } = status;
  if (state === "failed") return [{ reason: "failed", slot, message: error ?? "it could not begin" }];
  if (state === "left") {
    const message = "it could not reach its control plane for too long, and has left";
    return reason === "unable-to-sync" ? [{ reason: "lost", slot, message }] : [];
  }
  if (draining !== undefined) return [];
  if (state === "starting") {
    return [{ reason: "not-registered", slot, message: "no control plane has accepted it yet" }];
  }
  if (sync && sync.failures > 0) {
    return [{ reason: "sync-failed", slot, message: `the last sync failed: ${sync.error}` }];
  }
  const ageMs = now - Math.max(sync?.succeededAt ?? 0, registeredAt.get(slot) ?? 0);
  if (ageMs <= syncAgeMs) return [];
  const message = `the last answered sync was ${Math.round(ageMs / 1000)} s ago (at most ${syncAgeMs / 1000} s)`;
  return [{ reason: "sync-late", slot, message }];
}
