import type { Pause } from "../core/contracts/admission.ts";
import type { HookEvents } from "../core/contracts/hooks.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { JobSourceContext } from "../core/contracts/job-source.ts";
import type { JobOutcome } from "../core/contracts/jobs.ts";
import type { StopReason } from "../core/contracts/agent-status.ts";
import { toMessage } from "../core/errors.ts";
import { untilAborted } from "../core/aborted.ts";
import type { SlotNotifier } from "./slot-notifier.ts";

// Every hook of the agent's process is fired here, once, for agents and for `run`.

export interface AgentHooksOptions {
  readonly host: Pick<Host, "call">;
  readonly start: HookEvents["agent:start"];
  /** Ends the wait for `agent:exit`. */
  readonly impatient?: AbortSignal;
}

/** Fires the hooks of an agent's process around `work`, which resolves to `undefined` after a hand-over. */
export async function withAgentHooks<End extends { readonly reason: StopReason } | undefined>(
  { host, start, impatient }: AgentHooksOptions,
  work: () => Promise<End>,
): Promise<End> {
  await host.call("agent:start", start);
  const end = await work();
  if (end === undefined) return end;
  const { reason } = end;
  const exited = host.call("agent:exit", { reason });
  await (impatient ? untilAborted(impatient, exited) : exited);
  await host.call("agent:stop", { reason });
  return end;
}

/** Fires the hooks of a slot around `work`, which reports to the methods that it receives. */
export async function withSlotHooks<
  End extends { readonly reason: StopReason; readonly isHandedOver?: boolean },
>(
  notifier: SlotNotifier,
  work: (slot: Pick<JobSourceContext, "registered" | "synced" | "draining">) => Promise<End>,
): Promise<End> {
  try {
    const end = await work({
      registered: (name, controlPlane) => notifier.fire("agent:registered", { name, controlPlane }),
      synced: (outcome) => void notifier.fire("agent:synced", outcome),
      draining: (reason) => notifier.fire("agent:draining", { reason }),
    });
    const { reason, isHandedOver = false } = end;
    if (isHandedOver) await notifier.notify("handedOver", { reason });
    else await notifier.fire("agent:left", { reason });
    return end;
  } catch (error) {
    await notifier.notify("failed", { error: toMessage(error) });
    throw error;
  }
}

/** Fires the hook of an interrupt. Never rejects. */
export function announceInterrupt(
  host: Pick<Host, "call">,
  interruption: HookEvents["agent:interrupted"],
): Promise<void> {
  return host.call("agent:interrupted", interruption).catch(() => {});
}

/** Fires the hooks of a slot's pauses. */
export function createPauseHooks(notifier: SlotNotifier) {
  return {
    paused: (pause: Pause) => notifier.fire("agent:paused", pause),
    resumed: (durationMs: number) => notifier.fire("agent:resumed", { durationMs }),
  };
}

/** Fires the hook of a job that was assigned to the slot. */
export function announceAssignment(
  notifier: SlotNotifier,
  assigned: { readonly jobId: string; readonly assignedAt: number },
): Promise<void> {
  return notifier.fire("agent:job-assigned", assigned);
}

export interface JobEnd extends JobOutcome {
  /** Path of the job's log. */
  readonly spool: string;
  /** Describes how another process changed the log, if one did. */
  readonly damage?: string | undefined;
}

/** Fires the hooks of one job. */
export function createJobHooks(notifier: SlotNotifier, job: JobRequest) {
  const jobId = job.id;
  return {
    started: () => notifier.fire("agent:job-started", { jobId, job }),
    /** Fired instead of `started` for a job of an earlier agent process. */
    resumed: () => notifier.fire("agent:job-resumed", { jobId, job }),
    /** Plugins that archive the log have done so before the result is reported. */
    async ended({ summary, log, spool, damage }: JobEnd): Promise<void> {
      const trimmed = log.trimmed || summary.log.droppedBytes > 0;
      await notifier.fire("agent:log-flushed", { job, trimmed, spool });
      const changed = damage !== undefined && { damage };
      await notifier.fire("agent:job-ended", { jobId, job, delivery: log, ...summary, ...changed });
    },
  };
}
