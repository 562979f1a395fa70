import { join } from "node:path";
import { toMessage } from "../../core/errors.ts";
import { findEntry } from "../../os/state/file.ts";
import { readJournal } from "../journal/journal-file.ts";
import { readLeftJob } from "../journal/left-job.ts";
import { findJobDirectory, removeJobDirectory } from "../state/job-directory.ts";
import { findProcessRecord, writeProcessRecord } from "../state/job-documents.ts";
import { jobFiles } from "../state/job-files.ts";
import { waitForJobLock } from "../state/job-lock.ts";
import type { ReceivedJob } from "./input.ts";
import type { NextProcess } from "./job-process.ts";
import type { LeftJobPlace } from "./launcher.ts";
import { spawnJobProcess, type SpawnOptions } from "./spawn.ts";

/**
 * Starts a process that continues a job whose process died. Resolves to the reason when the job cannot be
 * continued, and to `undefined` when it has ended. Never rejects.
 */
export async function takeOverJob(
  options: SpawnOptions,
  job: ReceivedJob,
  { directory, jobId, logger, renew }: LeftJobPlace,
): Promise<NextProcess | string | undefined> {
  const has = (name: string) => findEntry(join(directory, name)) !== undefined;
  try {
    const { record, fault } = findProcessRecord(directory);
    {
      // The proof that the process is dead.
      using lock = await waitForJobLock(directory);
      if (!lock || has(jobFiles.result)) return undefined;
      // The process has ended itself, and says why.
      if (has(jobFiles.failure)) return undefined;
      if (!record) return fault ?? "its process has left no record";
      // The process itself compares the journal with the log, which may be large.
      const left = readLeftJob(readJournal(join(directory, jobFiles.journal)));
      if (typeof left === "string") return left;
    }
    const left = findJobDirectory(record.cookie);
    if (left !== undefined) removeJobDirectory(left, logger);
    const { child, record: next, send } = spawnJobProcess(options, renew!(), record);
    writeProcessRecord(directory, { ...next, ...(record.arrival && { arrival: record.arrival }) });
    logger.warn("the job's process died; another one continues the job", { job: jobId, pid: child.pid });
    send(job);
    return { child, socket: next.socket, secret: next.secret };
  } catch (error) {
    return toMessage(error);
  }
}
