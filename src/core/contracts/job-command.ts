import type { JobUser } from "./executor-options.ts";
import type { VariableOptions } from "./hooks.ts";
import type { JobRequest } from "./job-request.ts";

/** A message of a job's own process to the job: a JSON object. Its `do` names the command. */
export type JobCommandMessage = Readonly<Record<string, unknown>>;

/** The answer of a command: an object of JSON values, of 64 KiB at most as text. */
export type JobCommandAnswer = Readonly<Record<string, unknown>>;

/**
 * Why nothing waits for a call any more: the command's time-out has passed, the caller has closed its connection,
 * or the job has ended.
 */
export type JobCommandEnd = "timeout" | "disconnected" | "job-ended";

/** The job that a command is called in, and the call. */
export interface JobCommandContext {
  readonly job: JobRequest;
  /** The agent's slot that runs the job, from 0. */
  readonly slot: number;
  /** Aborts when nothing waits for the call any more; its reason is a {@link JobCommandEnd}. */
  readonly signal: AbortSignal;
  /** The user of the job's processes on this host (`shell-user`). Left out: the agent's. */
  readonly user?: JobUser;
  /** The home directory of the job's processes on this host. */
  readonly home: string;
  /** A directory for files of this job's commands, closed to other users. It is removed with the job. */
  readonly directory: string;
  /**
   * Exports a variable to the job's session before its next command, as in hooks (`VariableHookEvent`), until the
   * call has ended. The processes of the running command keep what they have. Throws `VARIABLE_INVALID`.
   */
  setVariable(name: string, value: string, options?: Pick<VariableOptions, "secret">): void;
  readonly log: {
    /**
     * Adds text to the job's log, through the log filters: to the open block, or to a block of its own between
     * two blocks. Has no effect when nothing waits for the call any more.
     */
    write(text: string): void;
  };
}

/**
 * A command that a job's own processes can call while the job runs: over the job's socket
 * (`SIGNALMAN_JOB_SOCKET`), or by a terminal sequence. The job is not trusted. The name under which it is provided
 * is the `do` of its messages: one word of lower-case letters, digits and hyphens.
 */
export interface JobCommandHandler {
  /** Milliseconds for which a call is awaited. Default: 30,000. */
  readonly timeoutMs?: number;
  /**
   * Executes the command and returns the answer, by default `{}`. The caller reads the message of an `AgentError`
   * with the code `JOB_REFUSED`; of another error it learns only that the plugin failed, and the agent's log has
   * the error. At most 64 calls of a command run at a time; one that was aborted counts until it returns.
   */
  run(
    message: JobCommandMessage,
    context: JobCommandContext,
  ): JobCommandAnswer | void | Promise<JobCommandAnswer | void>;
}
