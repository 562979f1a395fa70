import type { Pause } from "./admission.ts";
import type { AgentStatus, SyncOutcome, StopReason } from "./agent-status.ts";
import type { VariableScope } from "./executor.ts";
import type { JobUser } from "./executor-options.ts";
import type { Interruption } from "./interruption.ts";
import type { JobResult } from "./job-events.ts";
import type { JobLog } from "./job-log.ts";
import type { CommandPhase, EndedBlock, EndedPhase, JobPhase } from "./job-phases.ts";
import type { JobRequest } from "./job-request.ts";
import type { JobSummary, TimedPull } from "./job-summary.ts";
import type { LogDelivery } from "./log-backend.ts";
import type { StopCause } from "./stop-cause.ts";

export interface SlotEvent {
  readonly slot: number;
}

interface SlotJobEvent extends SlotEvent {
  readonly jobId: string;
  readonly job: JobRequest;
}

/** The fields that every event of a job's process has. */
export interface JobEventBase {
  readonly job: JobRequest;
  /** Aborts when the job is stopped. */
  readonly signal: AbortSignal;
  /** The agent's slot that runs the job, from 0. */
  readonly slot: number;
  /** The executor that runs the job. It differs from `job.executor` where the agent's configuration replaces that. */
  readonly executor: string;
  /** The agent that started the job. */
  readonly agent: JobAgent;
}

/** The agent of a job, as the job's process knows it. */
export interface JobAgent {
  readonly id: string;
  /** The name of the slot in the control plane. Left out in `run`. */
  readonly name?: string;
  /** That of `AgentStatus`, for files that a plugin shares between the two processes. Left out in `run`. */
  readonly stateDirectory?: string;
}

/** An event of a job that can still add blocks to the job's log. */
export interface JobHookEvent extends JobEventBase {
  /** The job's log: `log.command(directive, async (output) => exitCode)` adds a block to it. */
  readonly log: JobLog;
}

/** An event of a job whose listeners may set variables of the job, until they have returned. */
export interface VariableHookEvent {
  /**
   * Exports a variable to the job's session before its next command, without a line in the log. It replaces a
   * variable of the request, of `env-vars` or of an earlier call. Throws `VARIABLE_INVALID` for a name or a value
   * that a job cannot have.
   */
  setVariable(name: string, value: string, options?: VariableOptions): void;
}

/** How a plugin sets a variable of a job. */
export interface VariableOptions {
  /** Masks the value in the logs from now on. Default: only if the name is one that a log filter masks. */
  readonly secret?: boolean;
  /**
   * `command`: for the command that starts; what the job had is restored after it. Only in `command:start`.
   * Default: `job`, up to its end.
   */
  readonly scope?: VariableScope;
  /**
   * The job's process serves what the value names, such as an address, and the command fails when the process ends:
   * an agent that leaves its jobs to the next one waits for it, for 20 s at most. Only with the scope `command`.
   */
  readonly served?: boolean;
}

/** A job event that is fired while commands can be run in the job's session. */
export interface JobSessionEvent extends JobHookEvent {
  /**
   * Runs a command in the job's session and logs it, under `alias` if there is one, with `preface` above its
   * output. Resolves to its exit code, in a closed session to 1 at once; a command that fails does not reject.
   */
  run(directive: string, options?: RunOptions): Promise<number>;
}

/** A job that is about to be stopped, and whose processes still run. Each listener gets an event of its own. */
export interface JobStoppingEvent extends JobEventBase {
  /** Aborts when the time of the listener is over, or the job is killed. */
  readonly signal: AbortSignal;
  /** Who stops the job, and why. */
  readonly cause: StopCause;
  /** Milliseconds that the listener has. */
  readonly budgetMs: number;
  /** The job's log. `log.command` writes into the block of the running command, if one is open. */
  readonly log: JobLog;
  /**
   * Runs a command in a session beside the running one, with its exports and its directory, and logs it, under
   * `alias` if there is one. Resolves to its exit code; to 1 when it cannot run or `signal` aborts.
   */
  run(directive: string, options?: Pick<RunOptions, "alias">): Promise<number>;
}

/** Options of a command that a plugin runs in the job's session. */
export interface RunOptions {
  readonly alias?: string;
  readonly preface?: string;
  /**
   * After a stop, when the job's session is closed: run the command in a new session with its environment, for
   * at most 30 s (protocol section 13a). Resolves to 1 without a log block when the job never had a session.
   */
  readonly fresh?: boolean;
}

/** A command of the job, as `command:start` and `command:end` receive it. */
export interface CommandHookEvent extends JobEventBase {
  readonly phase: CommandPhase;
  /** Position within the phase, from 0. */
  readonly index: number;
  readonly directive: string;
  readonly alias: string;
}

/** A command of the job that is about to run. */
export interface CommandStartEvent extends CommandHookEvent, VariableHookEvent {
  /**
   * Runs a command in the job's session and logs nothing, until the listener has returned. Resolves to the first
   * 64 KiB of its output; to an empty text in a closed session. The command must end by itself.
   */
  capture(directive: string): Promise<string>;
}

/** A hook as the table of hooks declares it; plugins cannot declare further hooks. */
export interface HookDeclaration<E = unknown> {
  /** *gate*: a throw ends the call and fails the phase. *notice*: a throw is logged, and other listeners are called. */
  readonly kind: "gate" | "notice";
  /** The process that fires the hook. In the other process listeners are never called. `run` is both processes. */
  readonly process: "agent" | "job";
  /** Milliseconds for which each listener is awaited, unless it declares its own time. Left out: without a limit. */
  readonly timeoutMs?: number;
  /** The hook is fired often: a listener that hangs is not called again before it has returned. */
  readonly isFrequent?: boolean;
  /** The type of the event; never set. */
  readonly event?: E;
}

const agentNotice = { kind: "notice", process: "agent", timeoutMs: 30_000 } as const;
const jobGate = { kind: "gate", process: "job" } as const;
const jobNotice = { kind: "notice", process: "job" } as const;
const jobTrace = { ...jobNotice, timeoutMs: 10_000, isFrequent: true } as const;
const hook = <E>(declaration: HookDeclaration<E>): HookDeclaration<E> => declaration;

/** The closed set of hooks, each with the event of its listeners, which are awaited up to the deadline. */
export const hookTable = {
  /** Fired when every plugin is set up. The first place for I/O: open sockets, check credentials, start servers. */
  "agent:start": hook<{
    readonly version: string;
    /** Returns the agent's current status; valid until the agent exits. Left out in `run`. */
    readonly status?: () => AgentStatus;
    /** The users of the slots' jobs (`shell-user`). Left out: jobs run as the agent's user. */
    readonly jobUsers?: readonly JobUser[];
  }>({ kind: "gate", process: "agent", timeoutMs: 60_000 }),
  /** Fired when the control plane has accepted a slot of the agent, and again after each new registration. */
  "agent:registered": hook<SlotEvent & { readonly name: string; readonly controlPlane: string }>(agentNotice),
  /** Fired after each call that keeps a slot registered. `error`: the call failed. Use it to measure syncs. */
  "agent:synced": hook<SlotEvent & SyncOutcome>(agentNotice),
  /** Fired when the slot is told of a job, before the request is fetched. */
  "agent:job-assigned": hook<
    SlotEvent & {
      readonly jobId: string;
      /** Unix milliseconds. */
      readonly assignedAt: number;
    }
  >(agentNotice),
  /** Fired when a job's process has accepted its request. Use it to count or announce jobs. */
  "agent:job-started": hook<SlotJobEvent>(agentNotice),
  /** Fired instead of `agent:job-started` for a job that an earlier agent process left, running or ended. */
  "agent:job-resumed": hook<SlotJobEvent>(agentNotice),
  /** Fired when a job's result is known and its process has ended. Use it for notifications and metrics. */
  "agent:job-ended": hook<
    SlotJobEvent & {
      /** How much of the log was delivered. */
      readonly delivery: LogDelivery;
      /** Describes how another process changed the job's log on disk, if one did. */
      readonly damage?: string;
    } & JobSummary
  >(agentNotice),
  /** Fired after the log was delivered and before the result is reported. Use it to upload or archive the spool. */
  "agent:log-flushed": hook<{
    readonly slot: number;
    readonly job: JobRequest;
    /** Whether part of the log was not delivered. */
    readonly trimmed: boolean;
    /** Path of the spool: NDJSON, one event per line. */
    readonly spool: string;
  }>(agentNotice),
  /** Fired when a slot takes no jobs for a while, because a plugin refuses them. Use it for notifications. */
  "agent:paused": hook<SlotEvent & Pause>(agentNotice),
  /** Fired when a paused slot may take jobs again. Use it for notifications and to measure pauses. */
  "agent:resumed": hook<SlotEvent & { readonly durationMs: number }>(agentNotice),
  /** Fired at the first SIGTERM or SIGINT of an agent that has jobs, before it acts on it. May change what it does. */
  "agent:interrupted": hook<Interruption>({ ...agentNotice, timeoutMs: 10_000 }),
  /** Fired when a slot stops accepting jobs. Use it to leave load balancers and to turn readiness off. */
  "agent:draining": hook<SlotEvent & { readonly reason: StopReason }>(agentNotice),
  /** Fired when a slot has disconnected from the control plane; the other slots continue. */
  "agent:left": hook<SlotEvent & { readonly reason: StopReason }>(agentNotice),
  /** Fired when the last slot has disconnected. Use it for the last action of the agent. */
  "agent:exit": hook<{ readonly reason: StopReason }>({ kind: "notice", process: "agent" }),
  /** Fired last, before the plugins are disposed. Prefer `ctx.defer` to close what a plugin opened itself. */
  "agent:stop": hook<{ readonly reason: StopReason }>(agentNotice),
  /** Fired before anything of the job runs. May refuse the job: the job's log shows the message of its error. */
  "job:start": hook<JobHookEvent & VariableHookEvent>(jobGate),
  /**
   * Fired when environment and files are in place, before the first command. A throw fails the job; its epilogues
   * still run. The message is shown in the job's log, except for the code `JOB_FAILED`, which means that the log
   * shows the reason already.
   */
  "job:prepare": hook<JobSessionEvent & VariableHookEvent>(jobGate),
  /** Fired when an executor has pulled an image or failed to. Use it to measure pulls. */
  "image:pulled": hook<JobEventBase & TimedPull>(jobNotice),
  /** Fired before a command of the job runs. */
  "command:start": hook<CommandStartEvent>(jobNotice),
  /** Fired after a command of the job has run. */
  "command:end": hook<CommandHookEvent & { readonly exitCode: number; readonly durationMs: number }>(
    jobNotice,
  ),
  /** Fired after each block of the job's log. Not for blocks that its own listeners add. Use it for traces. */
  "job:block": hook<JobEventBase & { readonly phase: JobPhase } & EndedBlock>(jobTrace),
  /** Fired after each phase of the job. Use it for traces. */
  "job:phase": hook<JobEventBase & EndedPhase>(jobTrace),
  /**
   * Fired when a job with an open session is stopped, before its processes are ended. They run on meanwhile, but no
   * further command starts. A listener has 30 s, or the time that it declares; all listeners together have
   * `stop-hook-timeout`. What a listener throws is shown in the job's log, and the stop goes on. A kill ends the
   * wait.
   */
  "job:stopping": hook<JobStoppingEvent>({ ...jobNotice, timeoutMs: 30_000 }),
  /** Fired when the result is final. The session is `closed` after a stop, or when it never opened. */
  "job:finish": hook<JobSessionEvent & { readonly result: JobResult; readonly session: "open" | "closed" }>(
    jobNotice,
  ),
  /** Fired when the executor is disposed and the log is closed. */
  "job:end": hook<JobEventBase & JobSummary>({ ...jobNotice, timeoutMs: 30_000 }),
};

/** The name of a hook. */
export type HookName = keyof typeof hookTable;
/** The events of the hooks, by name. */
export type HookEvents = { readonly [N in HookName]: NonNullable<(typeof hookTable)[N]["event"]> };
/** A listener of a hook. It is awaited up to the hook's deadline. */
export type Hook<N extends HookName> = (event: HookEvents[N]) => void | Promise<void>;
