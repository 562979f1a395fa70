import { type Logger, runProgram, type StopReason } from "signalman";

export interface ShutdownHookOptions {
  readonly path: string;
  readonly reason: StopReason;
  /** The agent's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

/** Values of `SEMAPHORE_AGENT_SHUTDOWN_REASON`. */
const words: Readonly<Record<StopReason, string>> = {
  idle: "IDLE",
  "job-finished": "JOB_FINISHED",
  requested: "REQUESTED",
  interrupted: "INTERRUPTED",
  "unable-to-sync": "UNABLE_TO_SYNC",
  unknown: "UNKNOWN",
};

/** Runs the script without a time-out. A failure is only logged. */
export async function runShutdownHook({ path, reason, env, logger }: ShutdownHookOptions): Promise<void> {
  logger.info(`running the shutdown hook "${path}"`, { reason: words[reason] });
  const exitCode = await runProgram({
    command: ["bash", path],
    env: { ...env, SEMAPHORE_AGENT_SHUTDOWN_REASON: words[reason] },
    logger,
  });
  if (exitCode !== 0) logger.error(`the shutdown hook "${path}" failed with exit code ${exitCode}`);
}
