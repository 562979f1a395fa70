import type { CleanUpContext, ExecutorFactory } from "../core/contracts/executor.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { executor } from "../core/contracts/services.ts";
import { toMessage } from "../core/errors.ts";
import { createSlowCallError } from "../core/host/attribution.ts";
import { toDuration, withDeadline } from "../core/host/deadline.ts";
import { findExecutor } from "../job/choose-executor.ts";
import { listExecutorDirectories } from "../job/state/job-directory.ts";

export interface ExecutorCleanUpOptions {
  readonly host: Pick<Host, "use" | "all">;
  readonly agentId: string;
  /** The name of an executor in job requests → the executor that replaces it. */
  readonly executors: Readonly<Record<string, string>>;
  /** Returns the ids of the jobs whose processes are alive. */
  readonly runningJobs: () => Iterable<string>;
}

/** Removes what executors left outside the host's processes, such as containers and pods. */
export interface ExecutorCleanUp {
  /**
   * Cleans up after a job whose process died. `left`: the job's private directory, if it still exists.
   * Resolves after 30 s at the latest; errors are logged.
   */
  cleanUpJob(request: JobRequest, logger: Logger, left?: string): Promise<void>;
  /**
   * Cleans up after all jobs of earlier agent processes, except running ones. Resolves when `signal` aborts;
   * errors are logged.
   */
  cleanUpEarlierJobs(logger: Logger, signal: AbortSignal): Promise<void>;
}

export function createExecutorCleanUp(options: ExecutorCleanUpOptions): ExecutorCleanUp {
  const { host, agentId } = options;
  const run = async (
    name: string,
    factory: ExecutorFactory | undefined,
    context: Omit<CleanUpContext, "agentId" | "runningJobs">,
  ): Promise<void> => {
    await factory?.cleanUp?.({
      ...context,
      agentId,
      logger: context.logger.child(name),
      get runningJobs() {
        return [...options.runningJobs()].filter((id) => id !== context.jobId);
      },
    });
  };
  return {
    async cleanUpJob({ id, executor: wanted }, logger, left) {
      const late = new AbortController();
      try {
        const { name, factory } = findExecutor(wanted, options);
        const found = left === undefined ? {} : { directories: listExecutorDirectories(left) };
        const work = run(name, factory, { jobId: id, ...found, logger, signal: late.signal });
        const toError = () => createSlowCallError(factory ?? {}, "cleanUp", toDuration(jobMs));
        await withDeadline(work, jobMs, toError);
      } catch (error) {
        logger.error(`executor cleanup failed, the job's resources may remain: ${toMessage(error)}`, {
          job: id,
        });
      } finally {
        late.abort();
      }
    },
    async cleanUpEarlierJobs(logger, signal) {
      const cleanUps = [...host.all(executor)].map(async ([name, factory]) => {
        try {
          await run(name, factory, { logger, signal });
        } catch (error) {
          if (signal.aborted) return;
          logger.error(`executor cleanup failed, resources of earlier jobs may remain: ${toMessage(error)}`, {
            executor: name,
          });
        }
      });
      await Promise.all(cleanUps);
    },
  };
}

const jobMs = 30_000;
