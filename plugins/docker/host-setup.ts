import { AgentError, type ExecutorContext, type Logger, runProgram } from "signalman";
import { toUserCommand, toUserEnvironment } from "signalman/executor";

/** Runs the job's set-up commands on this host, one after another (protocol section 6.3). What they print is in the agent's debug log. */
export async function setUpHost(
  { job, environment, logger, options }: Pick<ExecutorContext, "job" | "environment" | "logger" | "options">,
  signal: AbortSignal,
): Promise<void> {
  const quiet: Logger = { ...logger, info: (message, fields) => logger.debug(message, fields) };
  for (const [index, { directive }] of job.hostSetupCommands.entries()) {
    signal.throwIfAborted();
    const code = await runProgram({
      command: toUserCommand(options.user, ["bash", "-c", directive]),
      env: toUserEnvironment(options.user, environment),
      logger: quiet,
      kill: signal,
    });
    if (code === 0) continue;
    const what = `host set-up command ${index + 1} of the job ended with exit code ${code}`;
    throw new AgentError("DOCKER_FAILED", `${what}: the agent's log has its output at level "debug"`);
  }
}
