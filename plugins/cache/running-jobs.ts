import type { AgentStatus } from "signalman";
import { listJobs } from "signalman/host";

/** Knows which jobs of the agent are running. */
export interface RunningJobs {
  has(id: string): boolean;
  /** From now on the agent's status tells whether the job runs. */
  take(id: string): void;
}

/**
 * Jobs that an earlier agent process left run on while this one reaches no control plane, and are not in its status
 * until it claims them. What is on disk tells whether they still run.
 */
export function createRunningJobs(status: () => AgentStatus): RunningJobs {
  const { stateDirectory } = status();
  const listRunning = (): string[] =>
    listJobs({ stateDirectory }).flatMap(({ id, state }) => (state === "running" ? [id] : []));
  let left: ReadonlySet<string> = new Set(listRunning());
  let listedAt = performance.now();
  return {
    has(id) {
      if (status().slots.some(({ job }) => job?.id === id)) {
        return status().slots.some(({ job }) => job?.id === id && job.phase === "running");
      }
      if (!left.has(id)) return false;
      if (performance.now() - listedAt > listEveryMs) {
        const running = new Set(listRunning());
        left = new Set([...left].filter((each) => running.has(each)));
        listedAt = performance.now();
      }
      return left.has(id);
    },
    take(id) {
      if (left.has(id)) left = new Set([...left].filter((each) => each !== id));
    },
  };
}

/** A state directory may have thousands of logs. */
const listEveryMs = 10_000;
