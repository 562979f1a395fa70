import { AgentError, type JobSessionEvent, type Logger } from "signalman";
import { quote } from "signalman/terminal";

export interface PostJobHookOptions {
  /** As the session sees it, which may be in a container; empty: there is no script. */
  readonly path: string;
  readonly logger: Logger;
  readonly run: JobSessionEvent["run"];
}

export interface PreJobHookOptions extends PostJobHookOptions {
  /** In the session's own shell, and not in one of its own. */
  readonly isSourced: boolean;
  /** Its failure is the job's. */
  readonly isFatal: boolean;
}

/** Throws `JOB_FAILED` when the script fails and the job must not go on. */
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
  const fault = `the pre-job hook "${path}" ended with exit code ${exitCode}`;
  if (isFatal) throw new AgentError("JOB_FAILED", fault);
  logger.warn(fault);
}

/** After a stop the session is closed, and the script has one of its own (protocol section 13a). */
export async function runPostJobHook({ path, logger, run }: PostJobHookOptions): Promise<void> {
  if (path === "") return;
  const exitCode = await run(`bash ${toWord(path)}`, {
    alias: "Running the post-job hook configured in the agent",
    fresh: true,
  });
  if (exitCode !== 0) logger.warn(`the post-job hook "${path}" ended with exit code ${exitCode}`);
}

/** As the reference has it, bare, with `~` and `$VARIABLES` for the session's shell; quoted where that would be more than one word. */
function toWord(path: string): string {
  return /^[\w@%+=:,./~${}-]+$/.test(path) ? path : quote(path);
}
