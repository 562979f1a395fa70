import { hostname } from "node:os";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentError, announceDrain, type JobSource, type JobSourceContext, toMessage } from "signalman";
import type { FolderConfig } from "./config.ts";
import { type ClaimedJob, type Folder, openFolder } from "./folder.ts";
import { claimJob, finishJob, startJob } from "./job.ts";

/**
 * Takes jobs from a directory. The name of the claimed job is stored in the slot's state before the job is
 * claimed, so that a restart finds it.
 */
export function createFolderSource({ directory, "poll-interval": pollSeconds }: FolderConfig): JobSource {
  const path = resolve(directory);
  return {
    identity: path,
    async run(context) {
      const { state, slot } = context;
      const folder = open(path, (id) => state.put("claim", { id }));
      using drain = announceDrain(context);

      // 1. The slot is registered; jobs that an earlier process left come first.
      await context.registered(`${hostname()}-${slot}`, path);
      await finishLeftJobs(folder, context, pollSeconds * 1000);

      // 2. One job after another, until the operator ends it.
      for (;;) {
        await context.admission.admitted(drain.signal);
        if (drain.signal.aborted) break;
        const job = look(folder, context);
        if (job === undefined)
          await sleep(pollSeconds * 1000, undefined, { signal: drain.signal }).catch(() => {});
        else await finishJob(await startJob(job, context), job, { context, pollMs: pollSeconds * 1000 });
      }

      return await drain.end();
    },
  };
}

function open(path: string, onClaim: (id: string) => void): Folder {
  try {
    return openFolder(path, onClaim);
  } catch (cause) {
    throw new AgentError(
      "FOLDER_SOURCE_UNUSABLE",
      `the directory "${path}" cannot be used: ${toMessage(cause)}; create it, or name another one in --folder`,
      { cause },
    );
  }
}

/**
 * Looks for a job. Reports the look as the call that keeps the slot registered, so that metrics and health
 * checks see a directory that is gone.
 */
function look(folder: Folder, { synced, logger }: JobSourceContext): ClaimedJob | undefined {
  const startedAt = performance.now();
  try {
    const job = folder.claimNext();
    synced({ durationMs: performance.now() - startedAt });
    return job;
  } catch (error) {
    logger.error(`the directory of jobs cannot be read: ${toMessage(error)}`);
    synced({ durationMs: performance.now() - startedAt, error: toMessage(error) });
    return undefined;
  }
}

/** Finishes the jobs that an earlier process has started, and the one that it had claimed and not started. */
async function finishLeftJobs(folder: Folder, context: JobSourceContext, pollMs: number): Promise<void> {
  const { jobs, state, logger, signals } = context;
  for (const left of jobs.left) {
    if (signals.handOver.aborted) return;
    const job = folder.open(left.id);
    const running = await claimJob(left);
    if (job === undefined) {
      logger.warn(`stopping job ${left.id} of an earlier process: it is not in the directory any more`);
      running.stop();
      await running.done;
      await running.release();
    } else await finishJob(running, job, { context, pollMs });
  }
  const claimed = state.get<{ readonly id: string }>("claim");
  const job = claimed && folder.open(claimed.id);
  if (job === undefined || signals.handOver.aborted) return;
  await finishJob(await startJob(job, context), job, { context, pollMs });
}
