import type { JobUsage } from "../../core/contracts/job-summary.ts";
import type { JobGroup } from "../../os/cgroup/job-group.ts";
import { listDescendants, readMemory, readStorage, type UsedByProcess } from "./descendants.ts";
import { type Libc, loadLibc } from "../../os/processes/libc.ts";
import { attributeKills } from "./oom-kills.ts";
import { findOomCounter, type OomCounter, openGroupCounter } from "./oom.ts";

/**
 * Measures the resources used by a job: by its control group as far as that is counted, otherwise by all
 * descendants of this process. In a sub-reaper no descendant escapes.
 */
export interface UsageWatch extends Disposable {
  /** Returns the usage up to now; also after disposal, which only ends the sampling of memory. */
  usage(): JobUsage;
  /** Samples memory now, in addition to the samples taken once a second. */
  look(): void;
  /**
   * Called before a command starts. The returned function is called after a process of the command was killed
   * from outside, and tells whether it was the kernel's out-of-memory killer.
   */
  beginCommand(): () => boolean;
}

export interface UsageOptions {
  readonly oom?: OomCounter | undefined;
  /** The job's control group, if it has one. */
  readonly group?: JobGroup | undefined;
}

/** Counts what the processes of a job use on this host, from this call until disposal. */
export function watchUsage(options: UsageOptions = {}): UsageWatch {
  const { group } = options;
  const libc = loadLibc();
  const oom = "oom" in options ? options.oom : ((group && openGroupCounter(group)) ?? findOomCounter());
  const children = listDescendants(process.pid);
  const begin = libc && sum(libc, children);
  const kills = oom && attributeKills(oom, children);
  let peakBytes = 0;
  let residentBytes = 0;
  let lookedAt = 0;

  function look(processes = listDescendants(process.pid)): void {
    let together = 0;
    lookedAt = performance.now();
    for (const { pid } of processes) {
      const memory = readMemory(pid);
      together += memory.residentBytes;
      peakBytes = Math.max(peakBytes, memory.peakBytes);
    }
    residentBytes = together;
    peakBytes = Math.max(peakBytes, together);
    kills?.look(processes);
  }

  let timer: NodeJS.Timeout | undefined;
  const lookAgain = (pauseMs: number) => {
    timer = setTimeout(() => {
      const before = process.cpuUsage();
      // A reader of the usage has looked in the meantime.
      if (performance.now() - lookedAt >= Math.min(pauseMs, lookMs) * 0.9) look();
      const { user, system } = process.cpuUsage(before);
      const costMs = (user + system) / 1000;
      lookAgain(Math.max(Math.min(pauseMs * 2, lookMs), costMs * costFactor));
    }, pauseMs).unref();
  };
  if (libc) lookAgain(firstLookMs);

  return {
    usage() {
      if (!libc || !begin) return {};
      const processes = listDescendants(process.pid);
      look(processes);
      const now = sum(libc, processes);
      const largest = libc.resources("children").maxRssBytes;
      // In a new program this figure starts at the size of this process, so a smaller value means nothing.
      if (largest > libc.resources("self").maxRssBytes) peakBytes = Math.max(peakBytes, largest);
      const since = (name: keyof typeof now) => Math.max(0, now[name] - begin[name]);
      return {
        cpuUserMs: since("userMs"),
        cpuSystemMs: since("systemMs"),
        ...(peakBytes > 0 && { peakMemoryBytes: peakBytes }),
        memoryBytes: residentBytes,
        readBytes: since("readBytes"),
        writtenBytes: since("writtenBytes"),
        ...(kills && { oomKills: kills.count }),
        ...group?.figures(),
      };
    },
    look: () => look(),
    beginCommand: () => kills?.beginCommand() ?? (() => false),
    [Symbol.dispose]() {
      clearTimeout(timer);
      oom?.[Symbol.dispose]();
    },
  };
}

const firstLookMs = 50;
const lookMs = 1000;
/** Sampling takes at most half a percent of a core, however many processes the host has. */
const costFactor = 200;

/** Sums up the children that were reaped and the processes that still exist. */
function sum(libc: Libc, processes: readonly UsedByProcess[]) {
  const { userMs: u, systemMs: s, readBytes: r, writtenBytes: w } = libc.resources("children");
  const total = { userMs: u, systemMs: s, readBytes: r, writtenBytes: w };
  for (const { pid, userMs, systemMs } of processes) {
    const storage = readStorage(pid);
    total.userMs += userMs;
    total.systemMs += systemMs;
    total.readBytes += storage.readBytes;
    total.writtenBytes += storage.writtenBytes;
  }
  return total;
}
