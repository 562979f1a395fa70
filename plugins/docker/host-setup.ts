import { AgentError, type ExecutorContext, type Logger, runProgram } from "signalman";
import { toUserCommand, toUserEnvironment } from "signalman/executor";

/**
 * Runs the job's host set-up commands in order (protocol section 6.3). Their output goes to the agent's log
 * at level "debug".
 */
export async function setUpHost(
  { job, environment, logger, options }: Pick<ExecutorContext, "job" | "environment" | "logger" | "options">,
  signal: AbortSignal,
): Promise<void> {
  const outputLogger: Logger = { ...logger, info: (message, fields) => logger.debug(message, fields) };
  for (const [index, { directive }] of job.hostSetupCommands.entries()) {
    signal.throwIfAborted();
    const code = await runProgram({
      command: toUserCommand(options.user, ["bash", "-c", directive]),
      env: toUserEnvironment(options.user, environment),
      logger: outputLogger,
      kill: signal,
    });
    if (code === 0) continue;
    const what = `host set-up command ${index + 1} of the job ended with exit code ${code}`;
    throw new AgentError("DOCKER_FAILED", `${what}; its output is in the agent's log at level "debug"`);
  }
}
