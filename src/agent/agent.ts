import type { JobUser } from "../core/contracts/executor-options.ts";
import type { Host } from "../core/contracts/host.ts";
import type { AgentSignals } from "../core/contracts/job-source.ts";
import type { RootLogger } from "../core/contracts/logger.ts";
import type { StopReason } from "../core/contracts/agent-status.ts";
import { toMessage } from "../core/errors.ts";
import type { StateDirectory } from "../os/state/directory.ts";
import { createAgentMemory } from "./agent-memory.ts";
import type { ExecutorCleanUp } from "./executor-clean-up.ts";
import { withAgentHooks } from "./lifecycle.ts";
import type { OperatorSignals } from "./operator-signals.ts";
import { runSlot, type SlotsOptions } from "./slot.ts";
import type { SlotPlace } from "./slot-jobs.ts";
import { createSlotNotifier, type SlotListener } from "./slot-notifier.ts";
import type { StatusBoard } from "./status-board.ts";

export interface AgentOptions extends SlotsOptions {
  readonly host: Host;
  readonly signals: OperatorSignals;
  readonly logger: RootLogger;
  readonly state: Pick<StateDirectory, "slot" | "slots">;
  readonly status: StatusBoard;
  /** Called when the plugins have started, before the first slot registers. */
  readonly onStarted: () => void;
  readonly cleanUp: Pick<ExecutorCleanUp, "cleanUpEarlierJobs">;
  readonly placeOf: (slot: number) => SlotPlace;
  readonly jobUsers: readonly JobUser[] | undefined;
  /** Follows every slot besides the agent's own listeners. Left out: none. */
  readonly follower?: SlotListener | undefined;
}

export interface AgentEnd {
  /** The reason of the slot that disconnected last. */
  readonly reason: StopReason;
  /** A slot could not start, or lost its control plane. */
  readonly isFailed: boolean;
}

/** Runs an agent until the last of its slots has disconnected. Resolves to `undefined` after a hand-over (SIGUSR2). */
export async function runAgent(options: AgentOptions): Promise<AgentEnd | undefined> {
  const { host, version, signals, logger, status, jobUsers } = options;
  const start = { version, status: () => status.read(), ...(jobUsers && { jobUsers }) };
  const end = await withAgentHooks({ host, start, impatient: signals.second }, () => workAsAgent(options));
  if (end) logger.info(`Agent shutting down due to: ${toWord(end.reason)}`);
  return end;
}

async function workAsAgent(options: AgentOptions): Promise<AgentEnd | undefined> {
  const { signals, logger, launcher } = options;
  options.onStarted();

  // The slots run, independently of each other. Executors clean up after earlier agent processes in the
  // background, once a slot is registered: what they load for that must not delay the first job.
  const exiting = new AbortController();
  let isCleaning = false;
  const cleanUp = () => {
    if (!isCleaning) void options.cleanUp.cleanUpEarlierJobs(logger, exiting.signal);
    isCleaning = true;
  };
  using memory = createAgentMemory();
  const { reason, isFailed, error } = await runSlots(options, [
    memory.listener,
    { "agent:registered": cleanUp },
    ...(options.follower ? [options.follower] : []),
  ]);
  exiting.abort();
  await options.deliverer.settle();
  if (signals.handOver.aborted) {
    const seconds = launcher.claimTimeoutMs / 1000;
    logger.info(`handed over: running jobs continue and wait ${seconds} s for the next agent process`);
    return undefined;
  }
  if (reason === undefined) throw error;
  return { reason, isFailed };
}

interface SlotsEnd {
  /** `undefined`: no slot could start. */
  reason: StopReason | undefined;
  isFailed: boolean;
  error: unknown;
}

/** Runs the configured slots, and those that are no longer configured until they have finished their left job. */
async function runSlots(options: AgentOptions, listeners: readonly SlotListener[]): Promise<SlotsEnd> {
  const { signals, logger, state } = options;
  const slots = new Set([...Array(options.slots).keys(), ...state.slots()]);
  const isOne = slots.size === 1;
  const end: SlotsEnd = { reason: undefined, isFailed: false, error: undefined };
  const loggedErrors = new Set<string>();
  const run = async (slot: number): Promise<void> => {
    const isConfigured = slot < options.slots;
    try {
      const reason = await runSlot(toSlotOptions(slot, options, { isOne, isConfigured, listeners }));
      if (isConfigured) end.reason = reason;
      if (reason === "unable-to-sync") end.isFailed = true;
      if (isOne || !isConfigured || isExiting(signals)) return;
      const level = reason === "unable-to-sync" ? "warn" : "info";
      const message = `slot disconnected (reason: ${reason}); it takes no jobs until the agent is restarted`;
      logger[level](message, { slot: slot + 1 });
    } catch (error) {
      end.isFailed = true;
      end.error ??= error;
      const message = toMessage(error);
      // An error that all slots share is logged once; that of an only slot is reported when the program exits.
      if (!isOne && !loggedErrors.has(message)) logger.error(message, { slot: slot + 1 });
      loggedErrors.add(message);
    }
  };
  await Promise.all([...slots].map(run));
  return end;
}

interface SlotFacts {
  readonly isOne: boolean;
  readonly isConfigured: boolean;
  readonly listeners: readonly SlotListener[];
}

function toSlotOptions(
  slot: number,
  options: AgentOptions,
  { isOne, isConfigured, listeners }: SlotFacts,
): Parameters<typeof runSlot>[0] {
  const { host, logger, state, status, signals } = options;
  return {
    ...options,
    slot,
    directory: state.slot(slot),
    logger: isOne ? logger : logger.fork(),
    place: options.placeOf(slot),
    notifier: createSlotNotifier({ slot, host, listeners: [status.slot(slot), ...listeners] }),
    signals: isConfigured ? signals : toDraining(signals),
  };
}

const isExiting = ({ interrupt, drain, handOver }: AgentSignals): boolean =>
  interrupt.aborted || drain.aborted || handOver.aborted;

/** The signals of a slot that takes no further jobs. */
function toDraining(signals: AgentSignals): AgentSignals {
  return {
    interrupt: signals.interrupt,
    get interruptedAt() {
      return signals.interruptedAt;
    },
    drain: AbortSignal.abort("requested"),
    handOver: signals.handOver,
  };
}

/** The reason as the shutdown hook receives it (protocol section 6.5). */
function toWord(reason: StopReason): string {
  return reason.toUpperCase().replaceAll("-", "_");
}
