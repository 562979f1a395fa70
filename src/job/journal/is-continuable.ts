import { join } from "node:path";
import { findEntry } from "../../os/state/file.ts";
import { jobFiles } from "../state/job-files.ts";
import { readJournal } from "./journal-file.ts";
import { type LeftJob, readLeftJob } from "./left-job.ts";

/** Whether nothing of a job is lost when its process dies now: it has not begun, has ended, or can be continued. */
export function isContinuable(directory: string): boolean {
  const has = (name: string) => findEntry(join(directory, name)) !== undefined;
  if (has(jobFiles.result) || !has(jobFiles.spool)) return true;
  return readLeft(directory) !== undefined;
}

/** Whether the job's process serves the running command, which fails without it. */
export function isServed(directory: string): boolean {
  return readLeft(directory)?.isServed === true;
}

function readLeft(directory: string): LeftJob | undefined {
  try {
    const left = readLeftJob(readJournal(join(directory, jobFiles.journal)));
    return typeof left === "string" ? undefined : left;
  } catch {
    return undefined;
  }
}
