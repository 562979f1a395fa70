import { AgentError, type JobSessionEvent, type Logger } from "signalman";
import { quote } from "signalman/executor";

export interface PostJobHookOptions {
  /** Path in the session, which may be in a container; empty without a script. */
  readonly path: string;
  readonly logger: Logger;
  readonly run: JobSessionEvent["run"];
}

export interface PreJobHookOptions extends PostJobHookOptions {
  /** Run the script in the session's own shell. */
  readonly isSourced: boolean;
  /** Fail the job when the script fails. */
  readonly isFatal: boolean;
}

/** Throws `JOB_FAILED` when the script fails and `isFatal` is set. */
export async function runPreJobHook(options: PreJobHookOptions): Promise<void> {
  const { path, isSourced, isFatal, logger, run } = options;
  if (path === "") return;
  const then = isFatal
    ? "fail the job if the pre-job hook fails."
    : "proceed with the job even if the pre-job hook fails.";
  const exitCode = await run(`${isSourced ? "source" : "bash"} ${toWord(path)}`, {
    alias: "Running the pre-job hook configured in the agent",
    preface: `Warning: The agent is configured to ${then}\n`,
  });
  if (exitCode === 0) return;
  const fault = `the pre-job hook "${path}" failed with exit code ${exitCode}`;
  if (isFatal) throw new AgentError("JOB_FAILED", fault);
  logger.warn(fault);
}

/** Runs the script in a new session, because a stop closes the session of the job (protocol section 13a). */
export async function runPostJobHook({ path, logger, run }: PostJobHookOptions): Promise<void> {
  if (path === "") return;
  const exitCode = await run(`bash ${toWord(path)}`, {
    alias: "Running the post-job hook configured in the agent",
    fresh: true,
  });
  if (exitCode !== 0) logger.warn(`the post-job hook "${path}" failed with exit code ${exitCode}`);
}

/**
 * Returns the path as a shell word: unquoted as in the reference agent, so that the shell expands `~` and
 * `$VARIABLES`, or quoted when it has other special characters.
 */
function toWord(path: string): string {
  return /^[\w@%+=:,./~${}-]+$/.test(path) ? path : quote(path);
}
