import type { AgentStatus, SyncOutcome } from "./agent-status.ts";
import type { JobUser } from "./executor.ts";
import type { JobResult } from "./job-events.ts";
import type { JobLog } from "./job-log.ts";
import type { JobRequest } from "./job-request.ts";
import type { ImagePull, JobSummary } from "./job-summary.ts";
import type { LogDelivery } from "./log-backend.ts";
import type { StopReason } from "./stop-reason.ts";

/** The fields that every event of a job's process has. */
export interface JobEventBase {
  readonly job: JobRequest;
  /** Aborts when the job is stopped. */
  readonly signal: AbortSignal;
}

/** An event of a job that can still add blocks to the job's log. */
export interface JobHookEvent extends JobEventBase {
  /** The job's log: `log.command(directive, async (output) => exitCode)` adds a block to it. */
  readonly log: JobLog;
}

/** A job event that is fired while commands can be run in the job's session. */
export interface JobSessionEvent extends JobHookEvent {
  /**
   * Runs a command in the job's session and logs it, under `alias` if there is one, with `preface` above its
   * output. Resolves to its exit code, in a closed session to 1 at once; a command that fails does not reject.
   */
  run(directive: string, options?: RunOptions): Promise<number>;
}

export interface RunOptions {
  readonly alias?: string;
  readonly preface?: string;
  /**
   * After a stop, when the job's session is closed: run the command in a new session with its environment, for
   * at most 30 s (protocol section 13a). Resolves to 1 without a log block when the job never had a session.
   */
  readonly fresh?: boolean;
}

/** The part of a job that a command belongs to. */
export type CommandPhase = "commands" | "epilogue-always" | "epilogue-on-pass" | "epilogue-on-fail";

export interface CommandHookEvent extends JobEventBase {
  readonly phase: CommandPhase;
  /** Position within the phase, from 0. */
  readonly index: number;
  readonly directive: string;
  readonly alias: string;
}

/** The closed set of hooks: name → the one event object that listeners receive. All listeners are awaited, up to their deadlines. */
export interface HookEvents {
  /** Fired when every plugin is set up. The first place for I/O: open sockets, check credentials, start servers. */
  "agent:start": {
    readonly version: string;
    /** Returns the agent's current status, for health checks and metrics; valid until the agent exits. Left out in `run`. */
    readonly status?: () => AgentStatus;
    /** The users of the slots' jobs (`shell-user`). Left out: jobs run as the agent's user. */
    readonly jobUsers?: readonly JobUser[];
  };
  /** Fired when the control plane has accepted a slot of the agent, and again after each new registration. */
  "agent:registered": { readonly slot: number; readonly name: string; readonly controlPlane: string };
  /** Fired after each call that keeps a slot registered; `error` is set when the call failed. Use it to measure syncs. */
  "agent:synced": { readonly slot: number } & SyncOutcome;
  /** Fired when a job's process has accepted its request. Use it to count or announce jobs. */
  "agent:job-started": { readonly slot: number; readonly jobId: string; readonly job: JobRequest };
  /** Fired when a job's result is known and its process has ended. Use it for notifications and metrics. */
  "agent:job-ended": {
    readonly slot: number;
    readonly jobId: string;
    readonly job: JobRequest;
    /** How much of the log was delivered. */
    readonly delivery: LogDelivery;
    /** Describes how another process changed the job's log on disk, if one did. */
    readonly damage?: string;
  } & JobSummary;
  /** Fired after the log was delivered and before the result is reported. Use it to upload or archive the spool. */
  "agent:log-flushed": {
    readonly slot: number;
    readonly job: JobRequest;
    /** Whether part of the log was not delivered. */
    readonly trimmed: boolean;
    /** Path of the spool: NDJSON, one event per line. */
    readonly spool: string;
  };
  /** Fired when a slot stops accepting jobs. Use it to leave load balancers and to turn readiness off. */
  "agent:draining": { readonly slot: number; readonly reason: StopReason };
  /** Fired when a slot has disconnected from the control plane; the other slots continue. */
  "agent:left": { readonly slot: number; readonly reason: StopReason };
  /** Fired when the last slot has disconnected. Use it for the last action of the agent. */
  "agent:exit": { readonly reason: StopReason };
  /** Fired last, before the plugins are disposed. Prefer `ctx.defer` to close what a plugin opened itself. */
  "agent:stop": { readonly reason: StopReason };
  /** Fired when the request is accepted and before anything runs. May refuse the job: the message that it throws is shown in the job's log. */
  "job:start": JobHookEvent;
  /**
   * Fired when environment and files are in place, before the first command. A throw fails the job; its
   * epilogues still run. The message is shown in the job's log, except for the code `JOB_FAILED`, which means
   * that the log shows the reason already.
   */
  "job:prepare": JobSessionEvent;
  /** Fired when an executor has pulled an image or failed to. Use it to measure pulls. */
  "image:pulled": JobEventBase & ImagePull;
  /** Fired before a command of the job runs. */
  "command:start": CommandHookEvent;
  /** Fired after a command of the job has run. */
  "command:end": CommandHookEvent & { readonly exitCode: number; readonly durationMs: number };
  /** Fired when the result is final. The session is `closed` after a stop, or when it never opened. */
  "job:finish": JobSessionEvent & { readonly result: JobResult; readonly session: "open" | "closed" };
  /** Fired when the executor is disposed and the log is closed. */
  "job:end": JobEventBase & JobSummary;
}

export type HookName = keyof HookEvents;
export type Hook<N extends HookName> = (event: HookEvents[N]) => void | Promise<void>;

export interface HookDeclaration {
  /** *gate*: a throw ends the call and fails the phase. *notice*: a throw is logged, and the other listeners are still called. */
  readonly kind: "gate" | "notice";
  /** The process that fires the hook. In the other process a listener is accepted and never called. `run` is both processes at once. */
  readonly process: "agent" | "job";
  /** Milliseconds for which each listener is awaited, unless it declares its own time. Left out: without a limit. */
  readonly timeoutMs?: number;
}

const noticeMs = 30_000;

/** Kind, process and deadline of every hook. The table in `docs/plugins-reference.md` is generated from it. */
export const hookTable: { readonly [N in HookName]: HookDeclaration } = {
  "agent:start": { kind: "gate", process: "agent", timeoutMs: 60_000 },
  "agent:registered": { kind: "notice", process: "agent", timeoutMs: noticeMs },
  "agent:synced": { kind: "notice", process: "agent", timeoutMs: noticeMs },
  "agent:job-started": { kind: "notice", process: "agent", timeoutMs: noticeMs },
  "agent:job-ended": { kind: "notice", process: "agent", timeoutMs: noticeMs },
  "agent:log-flushed": { kind: "notice", process: "agent", timeoutMs: noticeMs },
  "agent:draining": { kind: "notice", process: "agent", timeoutMs: noticeMs },
  "agent:left": { kind: "notice", process: "agent", timeoutMs: noticeMs },
  "agent:exit": { kind: "notice", process: "agent" },
  "agent:stop": { kind: "notice", process: "agent", timeoutMs: noticeMs },
  "job:start": { kind: "gate", process: "job" },
  "job:prepare": { kind: "gate", process: "job" },
  "image:pulled": { kind: "notice", process: "job" },
  "command:start": { kind: "notice", process: "job" },
  "command:end": { kind: "notice", process: "job" },
  "job:finish": { kind: "notice", process: "job" },
  "job:end": { kind: "notice", process: "job", timeoutMs: noticeMs },
};
