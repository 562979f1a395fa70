import { join } from "node:path";
import type { JobSummary } from "../../core/contracts/job-summary.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { AgentError, isAgentError, toMessage } from "../../core/errors.ts";
import { type JobGroup, openJobGroup } from "../../os/cgroup/job-group.ts";
import { isControlGroup, isGroupOf } from "../../os/cgroup/place.ts";
import { endUserProcesses } from "../../os/users/end-user-processes.ts";
import { endProcesses } from "../../os/processes/end.ts";
import { createJobProcesses } from "../../os/processes/tree.ts";
import { readBootId } from "../../os/state/boot-id.ts";
import { findEntry } from "../../os/state/file.ts";
import { findJobDirectory } from "../job-directory.ts";
import { type ClosedJob, closeJob, type CloseJobOptions, failed } from "./close-job.ts";
import { readFailure, readProcessRecord, readSummary } from "./job-documents.ts";
import { endUnlocked, waitForJobLock } from "./job-lock.ts";
import { type OpenListener, readOpenListener } from "./open-listener.ts";
import { jobFiles, type JobProcessRecord, type UnstoredResult } from "./messages.ts";

export interface JobEndOptions {
  /** The job's state directory. */
  readonly directory: string;
  readonly jobId: string;
  readonly logger: Logger;
  /** The result as the process reported it, when it could not be written to disk. */
  readonly unstored: UnstoredResult | undefined;
  /** The process, if this agent process started it. */
  readonly child?: Pick<Bun.Subprocess, "exitCode" | "signalCode"> | undefined;
}

export interface JobEnd extends ClosedJob {
  /** The job's process died without a result. */
  readonly isDead: boolean;
  /** The job's private directory, which its process did not remove. */
  readonly left?: string | undefined;
}

/**
 * Closes a job whose process has exited and left no result on disk: ends its remaining processes and closes its log with a line that
 * gives the reason. The job has failed, unless its process reported a result or its log is complete. The job's lock proves that the log has no other writer.
 */
export async function closeDeadJob(options: JobEndOptions): Promise<JobEnd> {
  const { directory, jobId, logger, unstored } = options;
  // A job without a directory has no lock.
  using lock = await waitForJobLock(directory);
  if (!lock)
    throw new AgentError("STATE_LOCKED", `the process of job "${jobId}" is alive but does not respond`);
  // The process may have stored its result meanwhile.
  const { summary, fault } = findResult(directory);
  if (summary) return { summary, rest: new Uint8Array(), isDead: false };
  if (unstored)
    return {
      ...closeLog({ directory, jobId, reason: unstored.reason, known: unstored.summary }),
      isDead: false,
    };

  const { record, fault: recordFault } = findRecord(directory);
  const isRestart = record !== undefined && record.bootId !== readBootId();
  const isUnlocked = options.child === undefined && !isRestart && (await endUnlocked(jobId));
  const faults = [fault, recordFault].filter((text) => text !== undefined);
  const why = isUnlocked
    ? "the job removed or replaced the lock of its process"
    : isRestart
      ? "the machine was restarted while the job ran"
      : toReason(options);
  const reason = [why, ...faults].join("; ");
  if (record && !isRestart) await endRemaining(record, logger);
  // A result that cannot be read is not replaced by what the log says: the job can write both.
  const known = fault === undefined && !isUnlocked ? undefined : failed;
  const closed = closeLog({ directory, jobId, logger, reason, ...(known && { known }) });
  logger.error(`${reason}; the job is reported as ${closed.summary.result}`, { job: jobId });
  return { ...closed, isDead: true, left: record?.cookie && findJobDirectory(record.cookie) };
}

/** Reads the result; `fault`: what is in its place cannot be used. Throws `STATE_NEWER`. */
export function findResult(directory: string): { summary?: JobSummary | undefined; fault?: string } {
  try {
    return { summary: readSummary(directory) };
  } catch (error) {
    if (isAgentError(error, "STATE_NEWER")) throw error;
    return { fault: `its result cannot be used: ${toMessage(error)}` };
  }
}

function findRecord(directory: string): { record?: JobProcessRecord | undefined; fault?: string } {
  try {
    return { record: readProcessRecord(directory) };
  } catch (error) {
    return { fault: toMessage(error) };
  }
}

/** Why the process is dead, as the job's log shows it. */
function toReason({ directory, child }: JobEndOptions): string {
  if (!findEntry(directory)) return `the job's directory "${directory}" was removed while it ran`;
  const outcome = findEntry(join(directory, jobFiles.spool)) ? "died" : "could not be started";
  const detail = readFailure(directory) ?? toExit(child, readOpenListener(directory));
  return [`the job's process ${outcome}`, ...(detail === undefined ? [] : [detail])].join("; ");
}

function toExit(child: JobEndOptions["child"], open: OpenListener | undefined): string | undefined {
  const during = open ? ` while plugin "${open.plugin}" was in ${open.hook}` : "";
  if (child?.signalCode) return `it was ended by ${child.signalCode}${during}`;
  return typeof child?.exitCode === "number" ? `its exit status was ${child.exitCode}` : undefined;
}

/** When the job's directory is gone, the readers of its log have more of it than this process can find. */
function closeLog(options: CloseJobOptions): ClosedJob {
  if (findEntry(options.directory)) return closeJob(options);
  const summary = options.known ?? failed;
  const { checksum: _unknown, ...log } = summary.log;
  return { summary: { ...summary, log }, rest: new Uint8Array() };
}

async function endRemaining(record: Partial<JobProcessRecord>, logger: Logger): Promise<void> {
  const { cookie, uid } = record;
  const exclusiveUid = record.isExclusive ? uid : undefined;
  if (cookie === undefined) return;
  const found = findGroup({ ...record, cookie });
  // Processes of another user can make readers of their memory wait (`/proc/<pid>/environ`): they are killed unseen.
  if (uid !== undefined) await found?.remove();
  const group = uid === undefined ? found : undefined;
  using processes = createJobProcesses({ cookie, uid, inherited: true, group });
  const { ended: known, left } = await endProcesses(processes, { graceMs: 0 });
  const ended = [...known, ...(exclusiveUid === undefined ? [] : await endUserProcesses(exclusiveUid))];
  for (const { pid, commandLine, comm } of ended)
    logger.info(`ended "${commandLine || comm}", which the job had left running`, { pid });
  for (const { pid, commandLine, comm } of left)
    logger.warn(`could not end "${commandLine || comm}"`, { pid });
  await group?.remove();
}

/** The record is a file that a job of the agent's user can change: only a group of this job's name is killed. */
function findGroup({
  controlGroup,
  cookie,
}: Pick<JobProcessRecord, "controlGroup" | "cookie">): JobGroup | undefined {
  const isOwn = controlGroup !== undefined && isGroupOf(controlGroup, cookie) && isControlGroup(controlGroup);
  return isOwn ? openJobGroup(controlGroup) : undefined;
}
