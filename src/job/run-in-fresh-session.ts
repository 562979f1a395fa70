import type { Executor } from "../core/contracts/executor.ts";
import type { JobLog, Output } from "../core/contracts/job-log.ts";
import type { EnvironmentVariable } from "../core/contracts/job-request.ts";
import { onAbort } from "../core/aborted.ts";

/** Time limit of a command that runs after a stop (protocol section 13a). */
export const freshSessionMs = 30_000;

/**
 * Runs one command in a session of its own, with a job's environment. Resolves to its exit code, or to 1 when
 * the session does not start.
 */
export async function runInFreshSession(options: {
  createExecutor: (log: JobLog) => Executor;
  env: readonly EnvironmentVariable[];
  directive: string;
  output: Output;
  /** Aborts when the job is killed. */
  signal: AbortSignal;
}): Promise<number> {
  const { env, directive, output, signal } = options;
  signal.throwIfAborted();
  await using executor = options.createExecutor(withinBlock(output));
  const over = AbortSignal.any([signal, AbortSignal.timeout(freshSessionMs)]);
  using _listener = onAbort(over, () => void executor.stop(0));
  if ((await executor.start(over)) !== 0) return 1;
  if ((await executor.exportEnvironment(env, () => {})) !== 0) return 1;
  return await executor.run(directive, output);
}

const keptBytes = 64 * 1024;

/**
 * The log of an executor that starts while a block is open: its own blocks leave no trace, except for the
 * last output of one that fails, which goes to the open block.
 */
function withinBlock(output: Output): JobLog {
  return {
    async command(_directive, work) {
      let kept = Buffer.alloc(0);
      const code = await work((chunk) => {
        const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
        kept = Buffer.concat([kept, bytes.subarray(-keptBytes)]).subarray(-keptBytes);
      });
      if (code !== 0) output(kept);
      return code;
    },
  };
}
