import { releaseProgramCode } from "../os/this-process/program-code.ts";
import type { SlotListener } from "./slot-notifier.ts";

export interface IdleMemoryOptions {
  /** Milliseconds without a job after which memory is given back. Default: 300. */
  readonly idleMs?: number;
  /** Default: collects garbage, and gives the program's code back. */
  readonly release?: () => void;
}

/**
 * Gives memory back while an agent is idle: after its start, and after its last running job. Disposal ends
 * it.
 */
export function createIdleMemory({ idleMs = 300, release = releaseMemory }: IdleMemoryOptions = {}): {
  readonly listener: SlotListener;
} & Disposable {
  const running = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const schedule = () => {
    clearTimeout(timer);
    if (running.size > 0) return;
    timer = setTimeout(release, idleMs);
    timer.unref();
  };
  return {
    listener: {
      "agent:registered": schedule,
      jobFollowed({ job }) {
        running.add(job.id);
        clearTimeout(timer);
      },
      jobReleased({ job }) {
        running.delete(job.id);
        schedule();
      },
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

function releaseMemory(): void {
  Bun.gc(true);
  releaseProgramCode();
}
