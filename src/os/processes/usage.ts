import type { JobUsage } from "../../core/contracts/job-summary.ts";
import { listDescendants, readMemory, readStorage, type UsedByProcess } from "./descendants.ts";
import { type Libc, loadLibc } from "./libc.ts";
import { attributeKills } from "./oom-kills.ts";
import { findOomCounter, type OomCounter } from "./oom.ts";

/** Watches what all that this process starts uses, from now on. Where orphans come to us (sub-reaper) nothing escapes it. */
export interface UsageWatch extends Disposable {
  /** Up to now; also after disposal, which only ends the looks at the memory. */
  usage(): JobUsage;
  /** Looks at the memory now, as it does by itself once a second. */
  look(): void;
  /** Call before a command starts; the answer, after a process of it was killed by somebody else: whether it was the kernel, for want of memory. */
  beginCommand(): () => boolean;
}

export function watchUsage(options: { readonly oom?: OomCounter | undefined } = {}): UsageWatch {
  const libc = loadLibc();
  const oom = "oom" in options ? options.oom : findOomCounter();
  const children = listDescendants(process.pid);
  const begin = libc && sum(libc, children);
  const kills = oom && attributeKills(oom, children);
  let peakBytes = 0;

  function look(processes = listDescendants(process.pid)): void {
    let together = 0;
    for (const { pid } of processes) {
      const memory = readMemory(pid);
      together += memory.residentBytes;
      peakBytes = Math.max(peakBytes, memory.peakBytes);
    }
    peakBytes = Math.max(peakBytes, together);
    kills?.look(processes);
  }

  let timer: NodeJS.Timeout | undefined;
  const lookAgain = (pauseMs: number) => {
    timer = setTimeout(() => {
      const before = process.cpuUsage();
      look();
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
      // A program begins with our own size in this figure, so below that it says nothing.
      if (largest > libc.resources("self").maxRssBytes) peakBytes = Math.max(peakBytes, largest);
      const since = (name: keyof typeof now) => Math.max(0, now[name] - begin[name]);
      return {
        cpuUserMs: since("userMs"),
        cpuSystemMs: since("systemMs"),
        ...(peakBytes > 0 && { peakMemoryBytes: peakBytes }),
        readBytes: since("readBytes"),
        writtenBytes: since("writtenBytes"),
        ...(kills && { oomKills: kills.count }),
      };
    },
    look: () => look(),
    beginCommand: () => kills?.beginCommand() ?? (() => false),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

const firstLookMs = 50;
const lookMs = 1000;
/** Looks take half a percent of a core at most, however many processes the host has. */
const costFactor = 200;

/** Of those that were waited for, and of those that will be. */
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
