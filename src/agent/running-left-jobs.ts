import { join } from "node:path";
import { jobFiles } from "../job/state/job-files.ts";
import { isJobLocked } from "../job/state/job-lock.ts";
import { findEntry } from "../os/state/file.ts";
import type { StateDirectory } from "../os/state/directory.ts";
import { listUnreleased } from "./job-store.ts";

/** Lists the jobs that earlier agent processes left and that run or may be continued, in all slots. */
export function listRunningLeftJobs(state: Pick<StateDirectory, "slot" | "slots">): string[] {
  return state.slots().flatMap((slot) => {
    const jobs = join(state.slot(slot), "jobs");
    return listUnreleased(jobs).filter((id) => isRunning(join(jobs, id)));
  });
}

/** A process whose lock cannot be read counts as running, so that nothing of a running job is removed. */
function isRunning(directory: string): boolean {
  try {
    return findEntry(join(directory, jobFiles.journal)) !== undefined || isJobLocked(directory);
  } catch {
    return true;
  }
}
