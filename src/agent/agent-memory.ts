import { releaseProgramCode } from "../os/this-process/program-code.ts";
import type { SlotListener } from "./slot-notifier.ts";

export interface AgentMemoryOptions {
  /** Milliseconds without a job after which memory is given back. Default: 300. */
  readonly idleMs?: number;
  /** Jobs after which memory is given back, although others run. Default: 100. */
  readonly everyJobs?: number;
  /** Default: collects garbage, and gives the program's code back. */
  readonly release?: () => void;
}

/**
 * Gives an agent's memory back while it is idle, and after many jobs, for an agent whose slots are never all
 * free. Disposal ends it.
 */
export function createAgentMemory(options: AgentMemoryOptions = {}): {
  readonly listener: SlotListener;
} & Disposable {
  const { idleMs = 300, everyJobs = 100, release = releaseMemory } = options;
  const running = new Set<string>();
  let endedJobs = 0;
  let timer: NodeJS.Timeout | undefined;
  const releaseNow = () => {
    endedJobs = 0;
    release();
  };
  const releaseWhenIdle = () => {
    clearTimeout(timer);
    if (running.size > 0) return;
    timer = setTimeout(releaseNow, idleMs);
    timer.unref();
  };
  return {
    listener: {
      "agent:registered": releaseWhenIdle,
      jobFollowed({ job }) {
        running.add(job.id);
        clearTimeout(timer);
      },
      jobReleased({ job }) {
        running.delete(job.id);
        endedJobs += 1;
        if (endedJobs >= everyJobs) releaseNow();
        releaseWhenIdle();
      },
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

function releaseMemory(): void {
  Bun.gc(true);
  releaseProgramCode();
}
