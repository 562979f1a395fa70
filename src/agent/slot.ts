import type { AgentSignals, JobSource, JobSourceContext } from "../core/contracts/job-source.ts";
import type { RootLogger } from "../core/contracts/logger.ts";
import type { StopReason } from "../core/contracts/agent-status.ts";
import { createSlotState } from "../os/state/document.ts";
import { withSlotHooks } from "./lifecycle.ts";
import { openJobStore, type JobStoreOptions } from "./job-store.ts";
import { type AdmissionSettings, openSlotAdmission } from "./slot-admission.ts";
import type { SlotNotifier } from "./slot-notifier.ts";
import { runSource } from "./source-run.ts";
import { createSlotJobs, type SlotJobs, type SlotJobsOptions } from "./slot-jobs.ts";

/** What all slots of an agent have in common. */
export interface SlotsOptions
  extends Pick<SlotJobsOptions, "launcher" | "deliverer">, Pick<JobStoreOptions, "keptLogs" | "holdState"> {
  readonly version: string;
  readonly source: JobSource;
  /** Number of slots. To the control plane each is an agent of its own. */
  readonly slots: number;
  readonly signals: AgentSignals;
  readonly admission: AdmissionSettings;
  /** Receives the jobs of each slot, before there are any. */
  readonly onJobs: (jobs: SlotJobs) => void;
}

export interface SlotOptions extends SlotsOptions, Pick<SlotJobsOptions, "place"> {
  readonly slot: number;
  /** The slot's logger, which gets the slot's name in the control plane. */
  readonly logger: RootLogger;
  /** The slot's directory in the state directory. */
  readonly directory: string;
  readonly notifier: SlotNotifier;
}

/** Runs one slot until it has disconnected from its control plane, and resolves to the reason. */
export async function runSlot(options: SlotOptions): Promise<StopReason> {
  const { version, slot, slots, signals, logger, notifier, directory } = options;
  const state = createSlotState(directory, options.holdState);
  const store = openJobStore({ ...options, directory: `${directory}/jobs` });
  let agentName: string | undefined;
  const jobs = createSlotJobs({ ...options, store, agentName: () => agentName });
  options.onJobs(jobs);
  const { reason } = await withSlotHooks(notifier, async (events) => {
    using admission = openSlotAdmission({ ...options.admission, notifier, logger });
    const context: JobSourceContext = {
      ...events,
      version,
      slot,
      slots,
      logger,
      state,
      jobs,
      signals,
      admission,
      async registered(name, controlPlane) {
        agentName = name;
        logger.rename(name);
        await events.registered(name, controlPlane);
      },
    };
    const why = await runSource(options.source, context, { isBusy: jobs.isBusy });
    return { reason: why, isHandedOver: signals.handOver.aborted };
  });
  return reason;
}
