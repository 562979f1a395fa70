import type { Logger, SyncOutcome } from "signalman";
import type { HubClient } from "./client.ts";
import { type Event, type JobAction, type Leave, type Machine, type Rules, toRequest } from "./machine.ts";
import type { Outage } from "./outage.ts";
import { step } from "./step.ts";
import type { SyncRequest } from "./wire.ts";

export interface SyncLoopOptions {
  readonly client: Pick<HubClient, "sync">;
  readonly machine: Machine;
  readonly rules: Rules;
  /** Where the control plane names no time for the next sync. */
  readonly interval: { readonly minMs: number; readonly maxMs: number };
  readonly logger: Logger;
  readonly outage: Outage;
  /** Does what concerns jobs. Called before the next sync is built. */
  perform(action: JobAction): void;
  /** Called after each sync that was not broken off. */
  onSynced(outcome: SyncOutcome): void;
  /** The control plane has answered for the first time. */
  onConfirmed(): void;
}

export interface SyncLoop {
  tell(event: Exclude<Event, { kind: "sent" | "answered" | "failed" }>): void;
  /** Resolves when the agent is to go. */
  readonly left: Promise<{ readonly leave: Leave; readonly machine: Machine }>;
  /** Ends it without a word. */
  stop(): void;
}

/**
 * Syncs until the agent is to go (protocol section 2.7): at once, then when the control plane says, or at once when something
 * forces it. One sync is in flight at a time. A forced one follows right after it; where the one in flight speaks of a job
 * that is busy, it is broken off, since whatever it would bring comes again. One that waits for a job never is: its answer may be a job.
 */
export function startSyncLoop(options: SyncLoopOptions): SyncLoop {
  const { client, rules, interval, logger, outage } = options;
  const { promise: left, resolve } = Promise.withResolvers<{ leave: Leave; machine: Machine }>();
  let machine = options.machine;
  let timer: Timer | undefined;
  let inFlight: { readonly request: SyncRequest; readonly controller: AbortController } | undefined;
  let isForced = false;
  let isOver = false;
  let isConfirmed = false;

  const end = (): void => {
    isOver = true;
    clearTimeout(timer);
    inFlight?.controller.abort();
  };

  const dispatch = (event: Event): void => {
    if (isOver) return;
    const next = step(machine, event, rules);
    machine = next.machine;
    for (const action of next.actions) {
      switch (action.kind) {
        case "log":
          logger[action.level](action.message);
          break;
        case "sync":
          force();
          break;
        case "leave":
          end();
          resolve({ leave: action.leave, machine });
          break;
        default:
          options.perform(action);
      }
    }
    if (machine.abandoned !== undefined) clearTimeout(timer);
  };

  const force = (): void => {
    if (inFlight === undefined) return schedule(0);
    isForced = true;
    const { request, controller } = inFlight;
    if (request.state !== "waiting-for-jobs" && request.state !== "finished-job") controller.abort();
  };

  const schedule = (durationMs: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void sync(), durationMs);
  };

  const sync = async (): Promise<void> => {
    if (isOver || inFlight !== undefined || machine.abandoned !== undefined) return;
    const request = toRequest(machine);
    const controller = new AbortController();
    inFlight = { request, controller };
    isForced = false;
    dispatch({ kind: "sent", request });
    logger.debug("sync", { ...request });
    const sentAt = performance.now();
    const reply = await client.sync(request, controller.signal);
    inFlight = undefined;
    const durationMs = performance.now() - sentAt;
    if (reply.ok) options.onSynced({ durationMs });
    else if (reply.failure.kind !== "aborted") options.onSynced({ durationMs, error: reply.failure.message });
    if (isOver) return;
    if (reply.ok) {
      logger.debug("synced", { action: reply.value.action.kind, nextSyncMs: reply.value.nextSyncMs });
      if (!isConfirmed) options.onConfirmed();
      isConfirmed = true;
    }
    const at = performance.now();
    if (reply.ok) {
      outage.recovered();
      dispatch({ kind: "answered", request, action: reply.value.action, at });
    } else if (reply.failure.kind !== "aborted") {
      outage.failed(reply.failure);
      dispatch({ kind: "failed", request, failure: reply.failure, at });
    }
    if (isOver || machine.abandoned !== undefined) return;
    const namedMs = reply.ok ? reply.value.nextSyncMs : 0;
    schedule(
      isForced ? 0 : namedMs || interval.minMs + Math.random() * Math.max(0, interval.maxMs - interval.minMs),
    );
  };

  schedule(0);
  return { tell: dispatch, left, stop: end };
}
