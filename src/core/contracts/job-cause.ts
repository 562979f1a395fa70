import type { CommandPhase } from "./job-phases.ts";

/**
 * The kind of a {@link JobCause}. A later release may add kinds.
 *
 * | kind | why the job did not pass |
 * | --- | --- |
 * | `command` | a command exited with another status than 0 |
 * | `result` | the job itself set its result (exit status 130 and `SEMAPHORE_JOB_RESULT`) |
 * | `refused` | a plugin or the agent refused it: no command has run |
 * | `prepare` | variables, files or a check of a plugin before the first command failed |
 * | `plugin` | a plugin failed in `job:start` or `job:prepare` |
 * | `executor` | the executor could not be started, or failed |
 * | `stopped` | it was stopped |
 * | `timeout` | no agent process resumed it within `claim-timeout` |
 * | `lost` | the control plane has taken it away from this agent |
 * | `died` | its process died |
 * | `tampered` | another process, most probably the job, changed its files |
 * | `unknown` | its request or its result cannot be read |
 */
export type JobCauseKind =
  | "command"
  | "result"
  | "refused"
  | "prepare"
  | "plugin"
  | "executor"
  | "stopped"
  | "timeout"
  | "lost"
  | "died"
  | "tampered"
  | "unknown";

/** Why a job did not pass. */
export interface JobCause {
  readonly kind: JobCauseKind;
  /**
   * One line of at most 500 characters. Contains no command and no output of the job; secrets in the message of
   * an executor or a plugin are masked as in the job's log.
   */
  readonly message: string;
  /** The command that ended the job. */
  readonly command?: {
    readonly phase: CommandPhase;
    /** Position within the phase, from 0. */
    readonly index: number;
  };
  /** Exit status of the command, or of the job's process. */
  readonly exitCode?: number;
  /** The signal that ended the job's process, as `SIGKILL`. */
  readonly signal?: string;
}
