import type { Executor } from "../core/contracts/executor.ts";
import type { Output } from "../core/contracts/job-log.ts";
import type { EnvironmentVariable } from "../core/contracts/job-request.ts";

/** Time limit of a command that runs after a stop (protocol section 13a). */
const limitMs = 30_000;

/** Runs one command in a session of its own, with a job's environment. Resolves to its exit code, or to 1 when the session does not start. */
export async function runInFreshSession(options: {
  createExecutor: () => Executor;
  env: readonly EnvironmentVariable[];
  directive: string;
  output: Output;
  /** Aborts when the job is killed. */
  signal: AbortSignal;
}): Promise<number> {
  const { env, directive, output, signal } = options;
  signal.throwIfAborted();
  await using executor = options.createExecutor();
  const over = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  const end = () => void executor.stop(0);
  over.addEventListener("abort", end, { once: true });
  try {
    if ((await executor.start(over)) !== 0) return 1;
    if ((await executor.exportEnvironment(env, () => {})) !== 0) return 1;
    return await executor.run(directive, output);
  } finally {
    over.removeEventListener("abort", end);
  }
}
