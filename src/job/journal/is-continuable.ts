import { join } from "node:path";
import { findEntry } from "../../os/state/file.ts";
import { jobFiles } from "../state/job-files.ts";
import { readJournal } from "./journal-file.ts";
import { readLeftJob } from "./left-job.ts";

/** Whether nothing of a job is lost when its process dies now: it has not begun, has ended, or can be continued. */
export function isContinuable(directory: string): boolean {
  const has = (name: string) => findEntry(join(directory, name)) !== undefined;
  if (has(jobFiles.result) || !has(jobFiles.spool)) return true;
  try {
    return typeof readLeftJob(readJournal(join(directory, jobFiles.journal))) !== "string";
  } catch {
    return false;
  }
}
