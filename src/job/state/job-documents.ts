import { join } from "node:path";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { JobSummary, JobTimes } from "../../core/contracts/job-summary.ts";
import type { SpoolCursor } from "../../core/contracts/spool.ts";
import { toMessage } from "../../core/errors.ts";
import { readDocument, writeDocument, writeDocuments } from "../../os/state/document.ts";
import { findEntry } from "../../os/state/file.ts";
import { createCause } from "../cause.ts";
import { readStart } from "../log/read-start.ts";
import { jobFiles, type JobProcessFailure, type JobProcessRecord } from "./job-files.ts";

/**
 * The documents in a job's state directory. A job can write to them, so that their fields are checked. Each
 * reader returns `undefined` for a missing document and throws as `readDocument` does.
 */
export function readRequest(directory: string): JobRequest | undefined {
  return readDocument(join(directory, jobFiles.request), { isValid: isRequest, maxBytes: maxRequestBytes });
}

/** Stores a request, and what resumes the job if that is known. */
export function writeJob(directory: string, request: JobRequest, record?: JobProcessRecord): void {
  const documents = { [jobFiles.request]: request, ...(record && { [jobFiles.process]: record }) };
  writeDocuments(directory, documents, { maxBytes: maxRequestBytes });
}

/** Stores what resumes the job, in place of an earlier record. */
export function writeProcessRecord(directory: string, record: JobProcessRecord): void {
  writeDocument(join(directory, jobFiles.process), record);
}

/** Maximum size of a job's request on disk. Every other document is much smaller. */
export const maxRequestBytes = 256 * 2 ** 20;

export function readSummary(directory: string): JobSummary | undefined {
  const stored = readDocument(join(directory, jobFiles.result), { isValid: isSummary });
  return stored && toSummary(stored, directory);
}

/** A result as a job's process stores or sends it; the first releases left the times out. */
export type StoredSummary = Omit<JobSummary, "times"> & Partial<Pick<JobSummary, "times">>;

/** Completes a stored result, and makes one line of the message of its cause, which a job may have written. */
export function toSummary(stored: StoredSummary, directory: string): JobSummary {
  const { times = findTimes(stored, directory), cause, ...rest } = stored;
  if (cause === undefined) return { ...rest, times };
  const { kind, message, ...details } = cause;
  return { ...rest, times, cause: createCause(kind, message, details) };
}

/** By the start of the log in the job's directory, or by the time at which the result was stored. */
function findTimes({ durationMs }: StoredSummary, directory: string): JobTimes {
  const second = readStart(join(directory, jobFiles.spool));
  const storedAt = findEntry(join(directory, jobFiles.result))?.mtimeMs ?? Date.now();
  const startedAt = Math.round(second === undefined ? storedAt - durationMs : second * 1000);
  return { startedAt, finishedAt: Math.round(startedAt + durationMs) };
}

function readProcessRecord(directory: string): JobProcessRecord | undefined {
  return readDocument(join(directory, jobFiles.process), { isValid: isRecord });
}

/** The record, or `fault`: why it cannot be used. A damaged one is reported when the job is resumed. */
export function findProcessRecord(directory: string): {
  readonly record?: JobProcessRecord | undefined;
  readonly fault?: string;
} {
  try {
    return { record: readProcessRecord(directory) };
  } catch (error) {
    return { fault: toMessage(error) };
  }
}

export function readDeliveryCursor(directory: string): SpoolCursor | undefined {
  return readDocument(join(directory, jobFiles.delivery), { isValid: isCursor });
}

/**
 * Returns what the job's process itself has left as the reason of its end; `undefined` also when it is
 * damaged.
 */
export function readFailure(directory: string): string | undefined {
  try {
    return readDocument<JobProcessFailure>(join(directory, jobFiles.failure), { isValid: isFailure })?.reason;
  } catch {
    return undefined;
  }
}

type Fields = Partial<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => Object(value) as Fields;
const isText = (value: unknown): value is string => typeof value === "string";
const isWord = (value: unknown): boolean => isText(value) && /^[\w+-]{1,40}$/.test(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);
const isMissingOr = (is: (value: unknown) => boolean, value: unknown): boolean =>
  value === undefined || is(value);

export function isSummary(document: unknown): document is StoredSummary {
  const { result, durationMs, log, usage, times, cause } = fieldsOf(document);
  const { events, bytes, droppedBytes, checksum } = fieldsOf(log);
  return (
    (result === "passed" || result === "failed" || result === "stopped") &&
    isNumber(durationMs) &&
    [events, bytes].every(isCount) &&
    [droppedBytes, checksum].every((count) => isMissingOr(isCount, count)) &&
    Object.values(fieldsOf(usage)).every(isNumber) &&
    isMissingOr(isTimes, times) &&
    isMissingOr(isCause, cause)
  );
}

function isTimes(document: unknown): boolean {
  const { startedAt, finishedAt } = fieldsOf(document);
  return [startedAt, finishedAt].every(isCount) && isArrival(document);
}

function isArrival(document: unknown): boolean {
  const { assignedAt, fetchedAt } = fieldsOf(document);
  return [assignedAt, fetchedAt].every((time) => isMissingOr(isCount, time));
}

/** A later release may have kinds that this one does not know. */
function isCause(document: unknown): boolean {
  const { kind, message, command, exitCode, signal } = fieldsOf(document);
  const { phase, index } = fieldsOf(command);
  return (
    isWord(kind) &&
    isText(message) &&
    (command === undefined || (isWord(phase) && isCount(index))) &&
    isMissingOr(isNumber, exitCode) &&
    isMissingOr(isWord, signal)
  );
}

function isRecord(document: unknown): document is JobProcessRecord {
  const { version, pid, bootId, socket, secret, cookie, uid, isExclusive, controlGroup, arrival } =
    fieldsOf(document);
  return (
    isText(socket) &&
    isText(secret) &&
    isMissingOr(isNumber, version) &&
    isMissingOr(isCount, pid) &&
    isMissingOr(isText, bootId) &&
    isMissingOr(isCookie, cookie) &&
    isMissingOr(isText, controlGroup) &&
    isMissingOr(isArrival, arrival) &&
    isMissingOr((value) => typeof value === "boolean", isExclusive) &&
    // All processes of this user are ended; those of root never are.
    isMissingOr((user) => isCount(user) && user !== 0, uid)
  );
}

/** Checked, because another variable would mark unrelated processes as the job's. */
function isCookie(value: unknown): boolean {
  const cookie = fieldsOf(value);
  return /^SIGNALMAN_JOB_\w+$/.test(String(cookie["name"])) && /^[0-9a-f]{32}$/.test(String(cookie["value"]));
}

function isCursor(document: unknown): document is SpoolCursor {
  const { event, offset } = fieldsOf(document);
  return isCount(event) && isCount(offset);
}

function isFailure(document: unknown): document is JobProcessFailure {
  return isText(fieldsOf(document)["reason"]);
}

function isRequest(document: unknown): document is JobRequest {
  const request = fieldsOf(document);
  return (
    ["id", "name", "executor"].every((name) => isText(request[name])) &&
    requestLists.every((name) => {
      const list = request[name];
      return Array.isArray(list) && list.every((entry) => entry !== null && entry !== undefined);
    }) &&
    ["method", "url", "token"].every((name) => isText(fieldsOf(request["logger"])[name])) &&
    ["finished", "teardownFinished", "token"].every((name) => isText(fieldsOf(request["callbacks"])[name]))
  );
}

const requestLists: readonly (keyof JobRequest)[] = [
  "env",
  "files",
  "commands",
  "epilogueAlways",
  "epilogueOnPass",
  "epilogueOnFail",
  "containers",
  "imagePullCredentials",
  "hostSetupCommands",
  "sshPublicKeys",
];
