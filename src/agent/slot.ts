import { toMessage } from "../core/errors.ts";
import type { RootLogger } from "../core/contracts/logger.ts";
import type { StopReason } from "../core/contracts/stop-reason.ts";
import { jobSource } from "../core/contracts/services.ts";
import { createSlotState } from "../os/state/slot-state.ts";
import { createSlotJobs, type SlotSettings, type JobsOptions, type SlotJobs } from "./slot-jobs.ts";
import type { AgentSignals } from "../core/contracts/job-source.ts";
import type { SlotBoard } from "./status-board.ts";

/** What all slots have in common. */
export interface SlotsOptions extends JobsOptions {
  readonly version: string;
  /** The control plane: the name of a job source. */
  readonly source: string;
  /** How many jobs the agent runs at once: each slot is an agent of its own to the control plane. */
  readonly slots: number;
  readonly signals: AgentSignals;
  /** Gets the ways to end the running jobs of a slot, before there are any. */
  readonly onJobs: (jobs: Pick<SlotJobs, "stopAll" | "killAll">) => void;
}

export interface SlotOptions extends SlotsOptions, SlotSettings {
  readonly slot: number;
  /** Of the slot: its name in the control plane stands in its lines. */
  readonly logger: RootLogger;
  /** Of the slot, in the state directory. */
  readonly directory: string;
  readonly board: SlotBoard;
}

/** One slot, from what an earlier process of it left until it has left its control plane. Resolves to why it left. */
export async function runSlot(options: SlotOptions): Promise<StopReason> {
  const { host, version, slot, slots, signals, logger, board } = options;
  const state = createSlotState(options.directory, options.holdState);
  const jobs = createSlotJobs({ ...options, directory: `${options.directory}/jobs` });
  options.onJobs(jobs);
  try {
    const reason = await host.use(jobSource, options.source).run({
      version,
      slot,
      slots,
      logger,
      state,
      jobs,
      signals,
      async registered(name, controlPlane) {
        logger.rename(name);
        board.set({ state: "waiting", name, controlPlane });
        await host.call("agent:registered", { slot, name, controlPlane });
      },
      synced(outcome) {
        board.synced(outcome);
        void host.call("agent:synced", { slot, ...outcome });
      },
      async draining(why) {
        board.set({ draining: why });
        await host.call("agent:draining", { slot, reason: why });
      },
    });
    board.set({ state: "left", reason });
    if (!signals.handOver.aborted) await host.call("agent:left", { slot, reason });
    return reason;
  } catch (error) {
    board.set({ state: "failed", error: toMessage(error) });
    throw error;
  }
}
