import type { Host } from "../host/host.ts";
import type { Logger } from "../logger/logger.ts";
import type { StopReason } from "../plugin.ts";
import { jobSource } from "../services.ts";
import { createSlotState } from "../state/slot-state.ts";
import { createSlotJobs, type SlotJobsOptions } from "./slot-jobs.ts";
import type { AgentSignals } from "./source.ts";

export interface AgentOptions extends Pick<
  SlotJobsOptions,
  | "socketDirectories"
  | "program"
  | "settings"
  | "plugins"
  | "log"
  | "env"
  | "claimTimeoutMs"
  | "flushTimeoutMs"
  | "keptLogs"
  | "holdState"
> {
  readonly version: string;
  readonly host: Host;
  readonly logger: Logger;
  /** The control plane: the name of a job source. */
  readonly source: string;
  /** Of the slot, in the state directory. */
  readonly directory: string;
  readonly signals: AgentSignals;
  /** Gets the ways to end the running jobs, before there are any. */
  readonly onJobs: (jobs: { stopAll(): void; killAll(): void }) => void;
  /** Gets the name under which the control plane knows the agent. */
  readonly onName: (name: string) => void;
}

/** An agent, from its first I/O until it has left its control plane. Resolves to why it left; `undefined`: it handed over. */
export async function runAgent(options: AgentOptions): Promise<StopReason | undefined> {
  const { host, version, signals, logger } = options;
  const slot = 0;

  // 1. Every plugin is set up; now they may open what they need.
  await host.call("agent:start", { version });

  // 2. What an earlier process of this agent left is in the state directory.
  const state = createSlotState(options.directory, options.holdState);
  const jobs = createSlotJobs({ ...options, slot, directory: `${options.directory}/jobs` });
  options.onJobs(jobs);

  // 3. The control plane gives jobs, until it is time to leave.
  const reason = await host.use(jobSource, options.source).run({
    version,
    slot,
    logger,
    state,
    jobs,
    signals,
    async registered(name, controlPlane) {
      options.onName(name);
      await host.call("agent:registered", { slot, name, controlPlane });
    },
    draining: (why) => host.call("agent:draining", { reason: why }),
  });
  if (signals.handOver.aborted) return undefined;

  // 4. The last acts: the shutdown hook, then everybody's end.
  await host.call("agent:exit", { reason });
  await host.call("agent:stop", { reason });
  logger.info(`Agent shutting down due to: ${toWord(reason)}`);
  return reason;
}

/** As the shutdown hook gets it (protocol section 6.5). */
function toWord(reason: StopReason): string {
  return reason.toUpperCase().replaceAll("-", "_");
}
