import type { ExecutorOptions, JobLimits } from "./executor-options.ts";
import type { JobLog, Output } from "./job-log.ts";
import type { EnvironmentVariable, JobFile, JobRequest } from "./job-request.ts";
import type { ImagePull, JobUsage } from "./job-summary.ts";
import type { Logger } from "./logger.ts";
import type { SessionJournal } from "./session-journal.ts";
import type { SideSession, SideSessionOptions } from "./side-session.ts";

/**
 * An environment variable that every process of a job inherits and that no other job has. Its name differs
 * from job to job, so that an agent that runs inside a job does not hide the outer job's cookie.
 */
export interface Cookie {
  readonly name: string;
  readonly value: string;
}

/** A path of the agent's host. */
export interface HostPath {
  readonly path: string;
  /** Whether the job writes there. Otherwise a read-only view is enough. */
  readonly isWritten: boolean;
}

/** Returns how far a step is, in one line. */
export type ProgressReader = () => string | undefined;

/** What an executor is created with: the job, and its place on this host. */
export interface ExecutorContext {
  readonly job: JobRequest;
  /** Random, durable id of the agent. Executors mark objects outside of the host's processes with it. */
  readonly agentId: string;
  /** The agent's own directory, as in `AgentStatus`. Left out in `run`. */
  readonly stateDirectory?: string;
  /** Initial environment of the job's processes on this host: the agent's without secrets, and with the cookie. */
  readonly environment: Readonly<Record<string, string>>;
  /** Marks the job's processes on this host, for `createJobProcesses`. Other executors may ignore it. */
  readonly cookie: Cookie;
  /**
   * Directory of a control group that the executor may create for the job's processes. Left out: it may
   * create none.
   */
  readonly controlGroup?: string;
  /** A private directory (0700) of this job on the agent's host. It is removed after the executor is disposed. */
  readonly directory: string;
  /**
   * What a sandbox on this host must let through under the same paths: `directory`, the job's socket, this
   * program and the job's home, where the job has them.
   */
  readonly hostPaths: readonly HostPath[];
  /** For blocks that the executor itself adds while it starts (`Pulling docker images...`). */
  readonly log: JobLog;
  /** Reports a pull to plugins (`image:pulled`), once for each image. Resolves when they were told; never rejects. */
  readonly imagePulled: (pull: ImagePull) => Promise<void>;
  /**
   * Shows how far a long step is (`3 of 5 layers`) on the status line of `signalman run`, until the result is
   * disposed. `read` is called a few times a second; `undefined` shows nothing. An agent shows nothing.
   */
  readonly showProgress: (read: ProgressReader) => Disposable;
  readonly logger: Logger;
  readonly options: ExecutorOptions;
  /**
   * Words in front of the command line that opens the job's session on this host, of all executor wrappers.
   * Set only for executors that declare `ExecutorFactory.acceptsCommandPrefix`.
   */
  readonly commandPrefix?: readonly string[];
  /**
   * Keeps what continues the job's session after the death of this process; for executors that declare `resumes`.
   * With records of an earlier process in it, `start` continues that session and adds no block.
   */
  readonly journal?: SessionJournal;
}

/** How long a variable of a plugin is set: up to the end of the job, or of the next command. */
export type VariableScope = "job" | "command";

/** Options of one command. */
export interface ExecutorRunOptions {
  readonly silent?: boolean;
  /**
   * An earlier process of the job has begun this command (`ExecutorContext.journal`). If the session's shell has
   * received it, it is not run again: `output` gets the rest of its output, from the journal's position on.
   */
  readonly continues?: boolean;
}

/** Between two commands: the variables of plugins. */
export interface SilentExport {
  /**
   * Nothing is written to `output`, except in a session that has ended. Output that arrives meanwhile is kept for
   * the next command. A variable that the job has made read-only keeps its value, which the log shows.
   */
  readonly silent: true;
  /** `command`: after the next `run` that is not silent, the variables are what they were before this call. */
  readonly scope: VariableScope;
}

/**
 * The place where a job's commands run. Created for one job.
 *
 * 1. **`start`** prepares the place and opens the session. It adds its own blocks through `context.log`. It
 *    resolves to 0, or to another code when the log already shows why it failed; what it throws is logged in
 *    a block of its own.
 * 2. **`exportEnvironment`**, then **`injectFiles`**: each is called inside a block that the job has opened
 *    and writes lines to `output`. `exportEnvironment` is called again before the epilogues, with the new
 *    variables, and before each command for which plugins have set variables (`SilentExport`).
 * 3. **`run`** is called any number of times, sequentially, in one session: directory, variables, functions
 *    and options are kept. The exit code is a value; in a dead session it resolves to 1 at once (protocol
 *    section 6.2).
 * 4. **`stop`** may be called at any moment and more than once. What runs then starts nothing more: a script
 *    never continues with its next line.
 * 5. **Disposal** ends all that the job started and that is still running. Safe unstarted, after `stop`,
 *    after a failed `start`, and twice. It never throws for what the job did.
 * 6. **`usage`**, where figures are available: at any moment, also after disposal. The last answer counts. It
 *    has two seconds; unknown figures are left out, and a missing figure fails no job.
 *
 * 7. **`openSession`**, where the executor has it: while the job runs, also during a command. A few sessions
 *    may be open at once. They end with the stop or the disposal, which wait for none of their commands.
 *
 * | race | what the call resolves to |
 * | --- | --- |
 * | `start` after a stop or a disposal | 1 |
 * | a stop, a disposal or an abort of `signal` during `start`, also if it succeeds | 1 |
 * | another call before the start, after a failed one, a stop or a disposal | 1, also for no variables or files |
 * | a stop or a disposal during another call | 1; a command that has ended by then keeps its exit code |
 * | `openSession` before the start, after a failed one, a stop or a disposal, or when one comes meanwhile | rejects |
 * | a stop or a disposal while a further session runs a command | its `run` resolves to 1, and `ended` resolves |
 * | a second `stop` or disposal | when the first one has; a shorter grace period shortens it |
 *
 * `output` may be called until the call that received it has resolved, and never after. Bytes are written
 * completely and in the order in which they arrived: what arrives between two commands (from a background
 * process) opens the next command's output.
 */
export interface Executor extends AsyncDisposable {
  /** `signal` aborts when the job is stopped while it starts. */
  start(signal: AbortSignal): Promise<number>;
  /**
   * Exports the variables; writes `Exporting <NAME>` for each, by name or in the request's order (protocol
   * section 7), unless it is silent.
   */
  exportEnvironment(
    env: readonly EnvironmentVariable[],
    output: Output,
    options?: SilentExport,
  ): Promise<number>;
  /** Writes `Injecting <path> with file mode <mode>` for each file (protocol sections 3.3, 7). */
  injectFiles(files: readonly JobFile[], output: Output): Promise<number>;
  /**
   * Runs a command in the session and resolves to its exit code. `silent`: the output goes to the caller and
   * not to the log, so output that arrived between two commands is kept for the next one. `continues`: see
   * {@link ExecutorRunOptions}.
   */
  run(directive: string, output: Output, options?: ExecutorRunOptions): Promise<number>;
  /**
   * Ends what runs: SIGTERM to what the job started (never to its shell, which is suspended), SIGKILL to all
   * after `graceMs`. Resolves when everything has ended. A second call with a shorter grace period shortens
   * the first.
   */
  stop(graceMs: number): Promise<void>;
  /**
   * Opens a session beside the running one. Rejects with `SESSION_FAILED` when it cannot be opened, also when
   * `options.signal` aborts meanwhile. Left out: the executor has one session only.
   */
  openSession?(options: SideSessionOptions): Promise<SideSession>;
  /** Returns the resources used up to now; after disposal, the total. */
  usage?(): Promise<JobUsage>;
  /**
   * Writes the answer to a terminal sequence: the file `name` (32 hexadecimal digits) in the directory that the
   * session's variable `SIGNALMAN_JOB_ANSWERS` names. Its content is one line, 66 KiB at most; a reader takes it for
   * complete once it ends with a newline. Empty content replaces an answer that is no longer kept. Called while a
   * command runs or between two commands; nothing of it may reach the session's input. Rejects when the session
   * has ended. Left out: terminal sequences get no answers.
   */
  putAnswer?(name: string, content: Uint8Array): Promise<void>;
}

/** What `cleanUp` of an executor's factory receives. */
export interface CleanUpContext {
  /** The agent's id, as in {@link ExecutorContext}. */
  readonly agentId: string;
  /** The job whose leftovers are removed. Left out: every job of this agent except `runningJobs`. */
  readonly jobId?: string;
  /**
   * Existing directories of the job's executors (`ExecutorContext.directory`); the agent removes them. Left
   * out: none.
   */
  readonly directories?: readonly string[];
  /** Ids of the agent's running jobs. Read it after listing objects, so that a job that starts meanwhile is spared. */
  readonly runningJobs: readonly string[];
  readonly logger: Logger;
  /** Aborts when the agent waits no longer. */
  readonly signal: AbortSignal;
}

/** Creates executors. */
export interface ExecutorFactory {
  create(context: ExecutorContext): Executor;
  /**
   * Removes what executors left outside the host's processes (containers, pods). Called in the agent's process:
   * for a job whose process died, and once after its registration for the jobs of an earlier agent process.
   */
  cleanUp?(context: CleanUpContext): Promise<void>;
  /** The executor runs every job of the agent, whatever executor the job asks for. */
  readonly takesAllJobs?: boolean;
  /** Sessions outlive the job's process, and another process can continue them: `ExecutorContext.journal` is set. */
  readonly resumes?: boolean;
  /** The executor applies `ExecutorContext.commandPrefix`. A job with a prefix fails in executors that do not. */
  readonly acceptsCommandPrefix?: boolean;
  /** Whether processes on this host run as `ExecutorOptions.user`. If not, jobs fail when `shell-user` is set. */
  readonly appliesUser?: boolean;
  /** The limits that the executor enforces. With another configured limit, jobs fail at their start. Left out: none. */
  readonly enforcesLimits?: readonly (keyof JobLimits)[];
  /**
   * Prepares this host for the limits that are set, in the agent's process before it registers. Returns the
   * reason when they cannot be enforced here: the agent does not start. `dryRun`: changes nothing, and
   * refuses only what no agent on this host could do.
   */
  prepareLimits?(limits: JobLimits, options: { readonly dryRun: boolean }): string | undefined;
  /**
   * Resolves to the address at which the executor's jobs reach servers of this host, and which servers listen on:
   * `127.0.0.1`, or that of a bridge. `undefined`: they do not. Called in the agent's process, once.
   */
  hostAddress?(): Promise<string | undefined>;
  /**
   * Resolves to the address at which the executor's jobs reach servers of this process over a network that others
   * share, such as that of the agent's pod. What is served there must be encrypted, and ask for a secret of the job.
   * `undefined`: they do not.
   */
  sharedAddress?(): Promise<string | undefined>;
}
