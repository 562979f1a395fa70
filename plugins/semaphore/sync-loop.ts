import type { Logger, OutageLog, SyncOutcome } from "signalman";
import {
  type AgentState,
  type Event,
  type JobAction,
  type Rules,
  type Shutdown,
  toRequest,
} from "./agent-state.ts";
import type { HubClient, Reply } from "./client.ts";
import { transition } from "./transition.ts";
import type { SyncAnswer, SyncRequest } from "./wire.ts";

export interface SyncLoopOptions {
  readonly client: Pick<HubClient, "sync">;
  readonly agent: AgentState;
  readonly rules: Rules;
  /** Time to the next sync when the control plane names none: random between the two. */
  readonly interval: { readonly minMs: number; readonly maxMs: number };
  /** Longest time for which a sync about a running job delays a forced one. Default: 10 seconds. */
  readonly longestDelayMs?: number;
  readonly logger: Logger;
  readonly outage: OutageLog;
  /** Performs an action on the job. Called before the next sync is built. */
  perform(action: JobAction): void;
  /** Called after each sync that was not aborted. */
  onSynced(outcome: SyncOutcome): void;
  /** Called when the control plane has answered for the first time. */
  onConfirmed(): void;
}

export interface SyncLoop {
  dispatch(event: Exclude<Event, { kind: "sent" | "answered" | "failed" }>): void;
  /** Resolves when the agent shuts down. */
  readonly ended: Promise<{ readonly shutdown: Shutdown; readonly agent: AgentState }>;
  /** Ends the loop without a further sync. */
  stop(): void;
}

/**
 * Syncs until the agent shuts down (protocol section 2.7): at once, then when the control plane says, or at
 * once when an event forces a sync. One sync is in flight at a time, and a forced one follows right after it:
 * a control plane that receives `running-job` after `finished-job` would take the agent for one that runs a
 * job it does not have (protocol section 13a). A sync about a running job is aborted when it delays a forced
 * one by `longestDelayMs`, since its answer comes again. A sync that waits for a job is never aborted: its
 * answer may be a job.
 */
export function startSyncLoop(options: SyncLoopOptions): SyncLoop {
  const { client, rules, interval, longestDelayMs = 10_000, logger, outage } = options;
  const { promise: ended, resolve } = Promise.withResolvers<{ shutdown: Shutdown; agent: AgentState }>();
  let agent = options.agent;
  let timer: Timer | undefined;
  let abortTimer: Timer | undefined;
  let inFlight: { readonly request: SyncRequest; readonly controller: AbortController } | undefined;
  let isForced = false;
  let isOver = false;
  let isConfirmed = false;

  const stop = (): void => {
    isOver = true;
    clearTimeout(timer);
    clearTimeout(abortTimer);
    inFlight?.controller.abort();
  };

  const dispatch = (event: Event): void => {
    if (isOver) return;
    const next = transition(agent, event, rules);
    agent = next.agent;
    for (const action of next.actions) {
      if (action.kind === "log") logger[action.level](action.message);
      else if (action.kind === "sync") force();
      else if (action.kind === "shut-down") {
        stop();
        resolve({ shutdown: action.shutdown, agent });
      } else options.perform(action);
    }
    if (agent.abandoned !== undefined) clearTimeout(timer);
  };

  const force = (): void => {
    if (inFlight === undefined) return schedule(0);
    if (isForced) return;
    isForced = true;
    const { request, controller } = inFlight;
    if (request.state !== "waiting-for-jobs" && request.state !== "finished-job") {
      abortTimer = setTimeout(() => controller.abort(), longestDelayMs);
    }
  };

  const schedule = (durationMs: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void sync(), durationMs);
  };

  const sync = async (): Promise<void> => {
    if (isOver || inFlight !== undefined || agent.abandoned !== undefined) return;
    const request = toRequest(agent);
    const controller = new AbortController();
    inFlight = { request, controller };
    isForced = false;
    dispatch({ kind: "sent", request });
    logger.debug("sync", { ...request });
    const sentAt = performance.now();
    const reply = await client.sync(request, controller.signal);
    inFlight = undefined;
    clearTimeout(abortTimer);
    reportOutcome(options, reply, performance.now() - sentAt);
    if (isOver) return;
    receive(request, reply);
    if (isOver || agent.abandoned !== undefined) return;
    schedule(isForced ? 0 : toDelay(reply, interval));
  };

  const receive = (request: SyncRequest, reply: Reply<SyncAnswer>): void => {
    if (reply.ok) {
      const { action, nextSyncMs } = reply.value;
      logger.debug("synced", { action: action.kind, nextSyncMs });
      if (!isConfirmed) options.onConfirmed();
      isConfirmed = true;
      outage.recovered();
      dispatch({ kind: "answered", request, action, at: performance.now() });
    } else if (reply.failure.kind !== "aborted") {
      outage.failed(reply.failure.message);
      dispatch({ kind: "failed", request, failure: reply.failure, at: performance.now() });
    }
  };

  schedule(0);
  return { dispatch, ended, stop };
}

function reportOutcome({ onSynced }: SyncLoopOptions, reply: Reply<SyncAnswer>, durationMs: number): void {
  if (reply.ok) onSynced({ durationMs });
  else if (reply.failure.kind !== "aborted") onSynced({ durationMs, error: reply.failure.message });
}

function toDelay(reply: Reply<SyncAnswer>, { minMs, maxMs }: SyncLoopOptions["interval"]): number {
  const requestedMs = reply.ok ? reply.value.nextSyncMs : 0;
  return requestedMs || minMs + Math.random() * Math.max(0, maxMs - minMs);
}
