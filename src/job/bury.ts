import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentError } from "../errors.ts";
import type { JobSummary } from "../hooks.ts";
import { unixSeconds } from "../log/events.ts";
import { recoverSpool } from "../log/spool-recovery.ts";
import { createSpool } from "../log/spool.ts";
import type { Logger } from "../logger/logger.ts";
import { endProcesses } from "../processes/end.ts";
import { createJobProcesses } from "../processes/tree.ts";
import { readBootId } from "../state/boot-id.ts";
import { readDocument, writeDocument } from "../state/document.ts";
import { takeLock } from "../state/lock.ts";
import { jobFiles, type JobProcessRecord } from "./wire.ts";

/** How long the kernel may take to let a dead process go. */
const deathMs = 10_000;

/**
 * Closes the books of a job whose process died without a result: what it left running is ended, its log is closed with a line that says so, and
 * it has failed. Only whoever holds the job's lock may do that: the lock proves that its writer is dead.
 */
export async function buryJob(options: {
  directory: string;
  jobId: string;
  logger: Logger;
}): Promise<JobSummary> {
  const { directory, jobId, logger } = options;
  using lock = await waitForLock(join(directory, jobFiles.lock));
  if (!lock)
    throw new AgentError("STATE_LOCKED", `the process of job "${jobId}" is alive, and does not answer`);
  // It may have ended well in the meantime.
  const resultPath = join(directory, jobFiles.result);
  const result = readDocument<JobSummary>(resultPath);
  if (result) return result;

  const record = readDocument<JobProcessRecord>(join(directory, jobFiles.process));
  const isRestart = record !== undefined && record.bootId !== readBootId();
  const reason = isRestart
    ? "the machine was restarted while the job ran"
    : existsSync(join(directory, jobFiles.spool))
      ? "the job's process died"
      : "the job's process could not be started";
  logger.error(`${reason}; the job is reported as failed`, { job: jobId });
  if (record && !isRestart) await endRest(record, logger);

  const { events, bytes } = closeLog(join(directory, jobFiles.spool), reason);
  const summary: JobSummary = { result: "failed", durationMs: 0, log: { events, bytes, droppedBytes: 0 } };
  writeDocument(resultPath, summary);
  return summary;
}

async function waitForLock(path: string): Promise<Disposable | undefined> {
  for (const deadline = performance.now() + deathMs; ; await sleep(20)) {
    const lock = takeLock(path);
    if (lock || performance.now() > deadline) return lock;
  }
}

async function endRest({ cookie }: JobProcessRecord, logger: Logger): Promise<void> {
  using processes = createJobProcesses({ cookie, inherited: true });
  const { ended, left } = await endProcesses(processes, { graceMs: 0 });
  for (const { pid, commandLine, comm } of ended)
    logger.info(`ended "${commandLine || comm}", which the job had left running`, { pid });
  for (const { pid, commandLine, comm } of left)
    logger.warn(`could not end "${commandLine || comm}"`, { pid });
}

/** Ends a job's log so that its page shows a failed job: every block closed, and the reason in the last one. */
export function closeLog(path: string, reason: string): { events: number; bytes: number } {
  const recovered = existsSync(path) ? recoverSpool(path) : undefined;
  // What is written now is little, and must not be dropped.
  using spool = createSpool(path, {
    diskLimitBytes: Number.POSITIVE_INFINITY,
    ...(recovered && { recovered }),
  });
  const timestamp = unixSeconds();
  if (!recovered?.finished) {
    if (!recovered?.started) spool.append({ event: "job_started", timestamp });
    const open = recovered?.openCommand;
    const directive = open?.directive ?? "Ending the job";
    if (!open) spool.append({ event: "cmd_started", timestamp, directive });
    const output = `${open && !open.atLineStart ? "\n" : ""}[signalman: ${reason}; the job is reported as failed]\n`;
    spool.append({ event: "cmd_output", timestamp, output });
    const startedAt = open?.startedAt ?? timestamp;
    spool.append({
      event: "cmd_finished",
      timestamp,
      directive,
      exit_code: 1,
      started_at: startedAt,
      finished_at: timestamp,
    });
    spool.append({ event: "job_finished", timestamp, result: "failed" });
  }
  const { events, bytes } = spool.stats;
  spool.close();
  return { events, bytes };
}
