import type { AgentStatus, SlotStatus } from "signalman";

/** A reason why the agent is not ready for another job. */
export interface NotReady {
  readonly reason:
    | "not-registered"
    | "failed"
    | "paused"
    | "draining"
    | "lost"
    | "sync-failed"
    | "sync-late"
    | "plugin";
  /** Number of the slot, from 0; missing for a reason of the whole agent. */
  readonly slot?: number;
  /** The plugin that reports that the agent is not ready. */
  readonly plugin?: string;
  readonly message: string;
}

export interface ReadinessOptions {
  readonly status: AgentStatus;
  /** Registration times of slots, in Unix milliseconds. */
  readonly registeredAt: ReadonlyMap<number, number>;
  readonly syncAgeMs: number;
  readonly now: number;
}

/**
 * Returns why the agent is not ready; an empty list when it is ready. A slot that is paused, drains or was shut
 * down is not a reason while another slot takes jobs; a failed slot always is.
 */
export function readReadiness(options: ReadinessOptions): NotReady[] {
  const { slots, plugins = [] } = options.status;
  const unready = plugins.filter(({ ready }) => ready === false);
  const reasons = [
    ...slots.flatMap((slot) => toReasons(slot, options)),
    ...unready.map(({ plugin, text }): NotReady => ({ reason: "plugin", plugin, message: text })),
  ];
  const isOpen = ({ state, draining, paused }: SlotStatus) =>
    state !== "left" && draining === undefined && paused === undefined;
  if (slots.length === 0) {
    return [{ reason: "not-registered", message: "no slot has started yet" }, ...reasons];
  }
  if (slots.some(isOpen)) return reasons;
  const paused = slots.flatMap((slot) => (slot.draining === undefined ? toPause(slot) : []));
  if (paused.length > 0) return [...reasons, ...paused];
  const why = slots.findLast(({ draining, reason }) => draining ?? reason);
  return [
    ...reasons,
    { reason: "draining", message: `the agent takes no further jobs: ${why?.draining ?? why?.reason}` },
  ];
}

function toPause({ slot, paused }: SlotStatus): NotReady[] {
  if (paused === undefined) return [];
  const until = paused.until === undefined ? "" : `, until ${paused.until}`;
  return [{ reason: "paused", slot, message: `plugin "${paused.plugin}": ${paused.reason}${until}` }];
}

function toReasons(status: SlotStatus, { registeredAt, syncAgeMs, now }: ReadinessOptions): NotReady[] {
  const { slot, state, draining, paused, reason, error, sync } = status;
  if (state === "failed") return [{ reason: "failed", slot, message: error ?? "the slot could not start" }];
  if (state === "left") {
    const message = "the slot lost contact to its control plane for too long and shut down";
    return reason === "unable-to-sync" ? [{ reason: "lost", slot, message }] : [];
  }
  if (draining !== undefined || paused !== undefined) return [];
  if (state === "starting") {
    return [{ reason: "not-registered", slot, message: "the slot is not registered yet" }];
  }
  if (sync && sync.failures > 0) {
    return [{ reason: "sync-failed", slot, message: `the last sync failed: ${sync.error}` }];
  }
  const ageMs = now - Math.max(sync?.succeededAt ?? 0, registeredAt.get(slot) ?? 0);
  if (ageMs <= syncAgeMs) return [];
  const message = `the last answered sync was ${Math.round(ageMs / 1000)} s ago (limit: ${syncAgeMs / 1000} s)`;
  return [{ reason: "sync-late", slot, message }];
}
