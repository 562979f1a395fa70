import { type Logger, runProgram, type StopReason } from "signalman";

export interface ShutdownHookOptions {
  readonly path: string;
  readonly reason: StopReason;
  /** The agent's. */
  readonly env: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

/** What the script gets in `SEMAPHORE_AGENT_SHUTDOWN_REASON`. */
const words: Readonly<Record<StopReason, string>> = {
  idle: "IDLE",
  "job-finished": "JOB_FINISHED",
  requested: "REQUESTED",
  interrupted: "INTERRUPTED",
  "unable-to-sync": "UNABLE_TO_SYNC",
  unknown: "UNKNOWN",
};

/** Waits for the script as long as it takes. How it ends changes nothing, and is said. */
export async function runShutdownHook({ path, reason, env, logger }: ShutdownHookOptions): Promise<void> {
  logger.info(`running the shutdown hook "${path}"`, { reason: words[reason] });
  const exitCode = await runProgram({
    command: ["bash", path],
    env: { ...env, SEMAPHORE_AGENT_SHUTDOWN_REASON: words[reason] },
    logger,
  });
  if (exitCode !== 0) logger.error(`the shutdown hook "${path}" ended with exit code ${exitCode}`);
}
