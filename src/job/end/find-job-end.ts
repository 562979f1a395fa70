import { join } from "node:path";
import type { JobArrival } from "../../core/contracts/job-summary.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { AgentError, isAgentError, toMessage } from "../../core/errors.ts";
import { readBootId } from "../../os/state/boot-id.ts";
import { findEntry } from "../../os/state/file.ts";
import { jobFiles, type JobProcessRecord } from "../state/job-files.ts";
import type { UnstoredResult } from "../control/messages.ts";
import { type OpenListener, readOpenListener } from "../process/open-listener.ts";
import { findJobDirectory } from "../state/job-directory.ts";
import { findProcessRecord, readFailure, readSummary } from "../state/job-documents.ts";
import { endUnlocked, waitForJobLock } from "../state/job-lock.ts";
import { type ClosedJob, closeJob, type CloseJobOptions, summarizeUnfinished } from "./close-job.ts";
import { type Death, decideEnd, type EndDecision, type FoundResult } from "./decide-end.ts";
import { endRemaining } from "./end-remaining.ts";

export interface JobEndOptions {
  /** The job's state directory. */
  readonly directory: string;
  readonly jobId: string;
  readonly logger: Logger;
  /** The result as the process reported it, when it could not be written to disk. */
  readonly unstored: UnstoredResult | undefined;
  /** The process, if this agent process started it. */
  readonly child?: Pick<Bun.Subprocess, "exitCode" | "signalCode"> | undefined;
  readonly arrival: JobArrival;
  /** When the process was found dead, if it was alive before. In Unix milliseconds. */
  readonly diedAt: number | undefined;
  /** Why no other process continues the job. Left out: it ends with its process. */
  readonly unresumed?: string | undefined;
}

export interface JobEnd extends ClosedJob {
  /** The job's process died without a result. */
  readonly isDead: boolean;
  /** The job's private directory, which its process did not remove. */
  readonly left?: string | undefined;
}

/**
 * Finds out how a job ended whose process reported its result or has exited. After the death of the process,
 * the remaining processes of the job are ended, and its log is closed with a line that gives the reason. The
 * job's lock proves that the log has no other writer. Throws `STATE_LOCKED` when the process is alive, and
 * `STATE_NEWER`.
 */
export async function findJobEnd(options: JobEndOptions): Promise<JobEnd> {
  const { directory, jobId, logger, unstored } = options;
  const known = findResult(directory);
  if (!known.summary && unstored) logger.error(unstored.reason, { job: jobId });
  const early = decideEnd(known, unstored);
  if (early) return write(early, options, undefined);

  // A job without a directory has no lock.
  using lock = await waitForJobLock(directory);
  if (!lock)
    throw new AgentError("STATE_LOCKED", `the process of job "${jobId}" is alive but does not respond`);
  const { record, fault: recordFault } = findProcessRecord(directory);
  const died = { ...(await examine(options, record)), recordFault };
  // The process may have stored its result meanwhile.
  const decision = decideEnd(findResult(directory), unstored, died);
  if (decision.is === "dead" && record && !died.isRestart) await endRemaining(record, logger);
  return write(decision, options, record);
}

/** Executes the decision. */
function write(
  decision: EndDecision,
  { directory, jobId, logger, arrival, diedAt, child }: JobEndOptions,
  record: JobProcessRecord | undefined,
): JobEnd {
  if (decision.is === "complete") return { summary: decision.summary, rest: new Uint8Array(), isDead: false };
  const { reason } = decision;
  const job = { directory, jobId, reason, arrival, kind: "died" } as const;
  if (decision.is === "cut") return { ...closeLog({ ...job, known: decision.summary }), isDead: false };
  const { kind, isLogTrusted } = decision;
  const { exitCode, signalCode: signal } = child ?? {};
  const facts = { ...(signal ? { signal } : typeof exitCode === "number" && { exitCode }) };
  const closed = closeLog({ ...job, ...facts, kind, isLogTrusted, diedAt, logger });
  logger.error(`${reason}; the job is reported as ${closed.summary.result}`, { job: jobId });
  return { ...closed, isDead: true, left: record?.cookie && findJobDirectory(record.cookie) };
}

async function examine(options: JobEndOptions, record: JobProcessRecord | undefined): Promise<Death> {
  const isRestart = record !== undefined && record.bootId !== readBootId();
  const isUnlocked = options.child === undefined && !isRestart && (await endUnlocked(options.jobId));
  return { reason: toReason(options), isRestart, isUnlocked };
}

/** Throws `STATE_NEWER`. */
function findResult(directory: string): FoundResult {
  try {
    return { summary: readSummary(directory) };
  } catch (error) {
    if (isAgentError(error, "STATE_NEWER")) throw error;
    return { fault: `its result cannot be used: ${toMessage(error)}` };
  }
}

/** Why the process is dead, as the job's log shows it. */
function toReason({ directory, child, unresumed }: JobEndOptions): string {
  if (!findEntry(directory)) return `the job's directory "${directory}" was removed while it ran`;
  const outcome = findEntry(join(directory, jobFiles.spool)) ? "died" : "could not be started";
  const detail = readFailure(directory) ?? toExit(child, readOpenListener(directory));
  const why = unresumed === undefined ? undefined : `it cannot be continued: ${unresumed}`;
  return [`the job's process ${outcome}`, detail, why].filter((text) => text !== undefined).join("; ");
}

function toExit(child: JobEndOptions["child"], open: OpenListener | undefined): string | undefined {
  const during = open ? ` while plugin "${open.plugin}" was in ${open.hook}` : "";
  if (child?.signalCode) return `it was ended by ${child.signalCode}${during}`;
  return typeof child?.exitCode === "number" ? `its exit status was ${child.exitCode}` : undefined;
}

/** Without the job's directory, open readers have more of the log than this process can find. */
function closeLog(options: CloseJobOptions): ClosedJob {
  if (findEntry(options.directory)) return closeJob(options);
  const summary = options.known ?? summarizeUnfinished(options);
  const { checksum: _unknown, ...log } = summary.log;
  return { summary: { ...summary, log }, rest: new Uint8Array() };
}
