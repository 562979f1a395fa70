import { toMessage } from "../core/errors.ts";
import type { RootLogger } from "../core/contracts/logger.ts";
import type { StopReason } from "../core/contracts/stop-reason.ts";
import type { StateDirectory } from "../os/state/directory.ts";
import type { SlotSettings } from "./slot-jobs.ts";
import { runSlot, type SlotsOptions } from "./slot.ts";
import type { AgentSignals } from "../core/contracts/job-source.ts";
import type { StatusBoard } from "./status-board.ts";

export interface AgentOptions extends SlotsOptions {
  readonly logger: RootLogger;
  readonly state: Pick<StateDirectory, "slot" | "slots">;
  readonly status: StatusBoard;
  readonly settingsOf: (slot: number) => SlotSettings;
}

export interface AgentEnd {
  /** Of the slot that left last. */
  readonly reason: StopReason;
  /** A slot could not begin, or lost its control plane. */
  readonly isFailed: boolean;
}

/** An agent, from its first I/O until the last of its slots has left. `undefined`: it handed over. */
export async function runAgent(options: AgentOptions): Promise<AgentEnd | undefined> {
  const { host, version, signals, logger, status, state } = options;

  // 1. Every plugin is set up; now they may open what they need.
  await host.call("agent:start", { version, status: () => status.read() });

  // 2. Each slot goes its own way. One that is no longer wanted finishes what it had, and takes nothing more.
  const slots = new Set([...Array(options.slots).keys(), ...state.slots()]);
  const isOne = slots.size === 1;
  let reason: StopReason | undefined;
  let isFailed = false;
  const faults = new Map<string, unknown>();
  const run = async (slot: number): Promise<void> => {
    const isWanted = slot < options.slots;
    try {
      const why = await runSlot({
        ...options,
        ...options.settingsOf(slot),
        slot,
        directory: state.slot(slot),
        logger: isOne ? logger : logger.fork(),
        board: status.slot(slot),
        signals: isWanted ? signals : withoutJobs(signals),
      });
      if (isWanted) reason = why;
      if (why === "unable-to-sync") isFailed = true;
      if (!isOne && isWanted && !isLeaving(signals)) {
        const level = why === "unable-to-sync" ? "warn" : "info";
        logger[level](`takes no job until the agent is started again: ${why}`, { slot: slot + 1 });
      }
    } catch (error) {
      isFailed = true;
      const message = toMessage(error);
      // What they all trip over is said once, and whoever is alone says it at the end.
      if (!isOne && !faults.has(message)) logger.error(message, { slot: slot + 1 });
      faults.set(message, error);
    }
  };
  await Promise.all([...slots].map(run));
  if (signals.handOver.aborted) {
    const seconds = options.claimTimeoutMs / 1000;
    logger.info(`handed over: what runs goes on, and waits ${seconds} s for the next agent`);
    return undefined;
  }
  if (reason === undefined) throw faults.values().next().value;

  // 3. The last acts: the shutdown hook, then everybody's end.
  await host.call("agent:exit", { reason });
  await host.call("agent:stop", { reason });
  logger.info(`Agent shutting down due to: ${toWord(reason)}`);
  return { reason, isFailed };
}

const isLeaving = ({ interrupt, drain, handOver }: AgentSignals): boolean =>
  interrupt.aborted || drain.aborted || handOver.aborted;

/** As if it had been asked to leave before it began. */
function withoutJobs(signals: AgentSignals): AgentSignals {
  return {
    interrupt: signals.interrupt,
    get interruptedAt() {
      return signals.interruptedAt;
    },
    drain: AbortSignal.abort("requested"),
    handOver: signals.handOver,
  };
}

/** As the shutdown hook gets it (protocol section 6.5). */
function toWord(reason: StopReason): string {
  return reason.toUpperCase().replaceAll("-", "_");
}
