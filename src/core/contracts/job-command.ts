/** A message of a job's own process to the job: a JSON object. Its `do` names the command. */
export type JobCommandMessage = Readonly<Record<string, unknown>>;

/**
 * A command that a job's own processes can call while the job runs, over the job's socket
 * (`SIGNALMAN_JOB_SOCKET`). The job is not trusted. The name under which it is provided is the `do` of its
 * messages.
 */
export interface JobCommandHandler {
  /** Executes the command synchronously. The message of what it throws is the answer to the caller. */
  run(message: JobCommandMessage): void;
}
