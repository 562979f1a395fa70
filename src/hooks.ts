import type { AgentStatus } from "./agent/status.ts";
import type { JobRequest } from "./job/request.ts";
import type { JobLog } from "./job/log.ts";
import type { LogDelivery } from "./log/backend.ts";
import type { JobUsage } from "./job/usage.ts";
import type { JobResult } from "./log/events.ts";
import type { StopReason } from "./plugin.ts";

/** What every event of a job carries. */
export interface JobHookEvent {
  readonly job: JobRequest;
  /** The job's log: `log.command(directive, async (output) => exitCode)` puts a block of its own into it. */
  readonly log: JobLog;
}

/** A job event while the session is there to run commands in. */
export interface JobSessionEvent extends JobHookEvent {
  /**
   * Runs a command in the job's session and logs it, under `alias` when there is one; `preface` stands above its output.
   * Resolves to its exit code; a command that fails is a value, not an error. Once the session is closed it answers 1 at once.
   */
  run(directive: string, options?: RunOptions): Promise<number>;
}

export interface RunOptions {
  readonly alias?: string;
  readonly preface?: string;
  /**
   * After a stop, when the session is closed: run it in another one, with the job's environment, for 30 s at most (protocol section
   * 13a). Where no session ever came up it answers 1 and leaves the log alone.
   */
  readonly fresh?: boolean;
}

/** Which part of a job a command belongs to. */
export type CommandPhase = "commands" | "epilogue-always" | "epilogue-on-pass" | "epilogue-on-fail";

export interface CommandHookEvent {
  readonly job: JobRequest;
  readonly phase: CommandPhase;
  /** Place within its phase, from 0. */
  readonly index: number;
  readonly directive: string;
  readonly alias: string;
}

/** How the pull of one of a job's images went. */
export interface ImagePull {
  /** As the job's request names it. */
  readonly image: string;
  readonly durationMs: number;
  readonly isOk: boolean;
}

/** What a job used and wrote, known once it has ended. */
export interface JobSummary {
  readonly result: JobResult;
  /** Milliseconds from `job_started` to `job_finished`. */
  readonly durationMs: number;
  /** Events and bytes in the spool, and their CRC-32; bytes of output dropped by `log-disk-limit` or a full disk. */
  readonly log: {
    readonly events: number;
    readonly bytes: number;
    readonly droppedBytes: number;
    readonly checksum?: number;
  };
  /** What its executor could tell of its use of the machine. Left out when that is nothing, as for a job whose process died. */
  readonly usage?: JobUsage;
}

/** The closed set of hooks: name → the one event object that its listeners get. All of them are awaited. */
export interface HookEvents {
  /** Called when every plugin is set up. The first place for I/O: open sockets, check credentials, start servers. */
  "agent:start": {
    readonly version: string;
    /** How the agent stands at the moment it is called, for health and metrics; good until the end. Left out in `run`, which is no agent to ask about. */
    readonly status?: () => AgentStatus;
  };
  /** Called when a control plane has accepted a slot of the agent, and again after a new registration. */
  "agent:registered": { readonly slot: number; readonly name: string; readonly controlPlane: string };
  /** Called after each call that keeps a slot known to its control plane; `error` when it failed. Measure it. */
  "agent:synced": { readonly slot: number; readonly durationMs: number; readonly error?: string };
  /** Called when a job's process has accepted its request. Count it, show it. */
  "agent:job-started": { readonly slot: number; readonly jobId: string; readonly job: JobRequest };
  /** Called when a job's result is known and its process is gone. Send notifications, record metrics. */
  "agent:job-ended": {
    readonly slot: number;
    readonly jobId: string;
    readonly job: JobRequest;
    /** What of the log reached its reader. */
    readonly delivery: LogDelivery;
    /** What another process did to the job's log on disk. */
    readonly damage?: string;
  } & JobSummary;
  /** Called after the log was delivered and before the result is reported. Upload the log, archive the spool. */
  "agent:log-flushed": {
    readonly slot: number;
    readonly job: JobRequest;
    /** Whether something of the log did not reach its reader. */
    readonly trimmed: boolean;
    /** Path of the spool: NDJSON, one event a line. */
    readonly spool: string;
  };
  /** Called when a slot takes no further jobs. Leave load balancers, turn readiness off. */
  "agent:draining": { readonly slot: number; readonly reason: StopReason };
  /** Called when a slot has left its control plane; the others go on. */
  "agent:left": { readonly slot: number; readonly reason: StopReason };
  /** Called when the last slot has left, without a deadline. Run what must be the agent's last act. */
  "agent:exit": { readonly reason: StopReason };
  /** Called last; plugins are disposed next. Prefer `ctx.defer` for what a plugin itself opened. */
  "agent:stop": { readonly reason: StopReason };
  /** Called when the request is accepted and nothing has run. May refuse: the thrown message is what the user reads in the log. */
  "job:start": JobHookEvent;
  /**
   * Called when environment and files are in place, before the first command. A throw fails the job; its epilogues still run. The user reads what was
   * thrown in the log, unless it is a `JOB_FAILED`: then the log has said it already.
   */
  "job:prepare": JobSessionEvent;
  /** Called when an executor has pulled an image, or could not. Measure it. */
  "image:pulled": { readonly job: JobRequest } & ImagePull;
  /** Called before a command of the job runs. */
  "command:start": CommandHookEvent;
  /** Called after a command of the job has run. */
  "command:end": CommandHookEvent & { readonly exitCode: number; readonly durationMs: number };
  /** Called when the result is final. The session is `closed` after a stop, or when it never came up. */
  "job:finish": JobSessionEvent & { readonly result: JobResult; readonly session: "open" | "closed" };
  /** Called when the executor is gone and the log is closed. */
  "job:end": { readonly job: JobRequest } & JobSummary;
}

export type HookName = keyof HookEvents;
export type Hook<N extends HookName> = (event: HookEvents[N]) => void | Promise<void>;

export interface HookDeclaration {
  /** *gate*: a throw ends the call and fails the phase. *notice*: a throw is logged, and everyone else is still told. */
  readonly kind: "gate" | "notice";
  /** The process in which it fires; in the other one it is accepted and stays silent. `run` is both at once. */
  readonly process: "agent" | "job";
}

/** Kind and process of every hook. The table in `docs/plugins.md` is made from it. */
export const hookTable: { readonly [N in HookName]: HookDeclaration } = {
  "agent:start": { kind: "gate", process: "agent" },
  "agent:registered": { kind: "notice", process: "agent" },
  "agent:synced": { kind: "notice", process: "agent" },
  "agent:job-started": { kind: "notice", process: "agent" },
  "agent:job-ended": { kind: "notice", process: "agent" },
  "agent:log-flushed": { kind: "notice", process: "agent" },
  "agent:draining": { kind: "notice", process: "agent" },
  "agent:left": { kind: "notice", process: "agent" },
  "agent:exit": { kind: "notice", process: "agent" },
  "agent:stop": { kind: "notice", process: "agent" },
  "job:start": { kind: "gate", process: "job" },
  "job:prepare": { kind: "gate", process: "job" },
  "image:pulled": { kind: "notice", process: "job" },
  "command:start": { kind: "notice", process: "job" },
  "command:end": { kind: "notice", process: "job" },
  "job:finish": { kind: "notice", process: "job" },
  "job:end": { kind: "notice", process: "job" },
};
