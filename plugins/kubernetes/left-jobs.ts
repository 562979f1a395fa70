import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * Ended jobs of the agent whose pod and secrets may still exist. Each is an empty directory in the agent's
 * state directory.
 */
export interface LeftJobs {
  add(jobId: string): void;
  remove(jobId: string): void;
  list(): readonly string[];
  /** Removes the jobs that were added more than 30 days ago. */
  prune(): void;
}

export function createLeftJobs(stateDirectory: string): LeftJobs {
  const directory = join(stateDirectory, "kubernetes-left-jobs");
  const remove = (jobId: string) => rmSync(join(directory, jobId), { force: true, recursive: true });
  const list = () => {
    try {
      return readdirSync(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  };
  return {
    add(jobId) {
      // Directories instead of files, so that a FIFO under the same name cannot block the agent.
      for (const path of [directory, join(directory, jobId)])
        if (lstatSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { mode: 0o700 });
    },
    remove,
    list,
    prune() {
      const oldest = Date.now() - maxAgeMs;
      for (const jobId of list()) {
        const stats = lstatSync(join(directory, jobId), { throwIfNoEntry: false });
        if (stats && stats.mtimeMs < oldest) remove(jobId);
      }
    },
  };
}

const maxAgeMs = 30 * 24 * 3600 * 1000;
