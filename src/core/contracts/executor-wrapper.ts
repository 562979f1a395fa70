import type { Executor, ExecutorContext } from "./executor.ts";

/**
 * Changes the executor that a job asks for, whichever it is. The first wrapper of the configuration is the
 * outermost. The agent creates the wrapped executor itself, with the job's user and limits.
 */
export interface ExecutorWrapper {
  /** Names of the executors to wrap. Left out: all. */
  readonly executors?: readonly string[];
  /**
   * Returns words in front of the command line that opens the job's session on this host, such as
   * `["nice", "-n", "10"]`, or no words. They must run what follows as a command, in the same terminal.
   */
  commandPrefix?(context: ExecutorContext): readonly string[];
  /**
   * Returns the members that replace those of `executor`; the others are inherited. Its own `stop` and disposal
   * are called once, and followed by those of `executor`: at the latest 5 s after the grace period. The job
   * fails when another member returns before the calls of `executor` that it made have ended.
   */
  wrap?(executor: Executor, context: ExecutorContext): Partial<Executor>;
}
