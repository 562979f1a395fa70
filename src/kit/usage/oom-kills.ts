import type { UsedByProcess } from "./descendants.ts";
import type { OomCounter } from "./oom.ts";
import { readStat } from "../../os/processes/proc.ts";

/**
 * Tells which of the counted out-of-memory kills hit descendants of this process. The counter may include
 * other processes.
 */
export interface OomKills {
  /** Number of kills that certainly hit a descendant. */
  readonly count: number;
  /** Attributes the kills since the last call, if the counter covered no other process at both calls. */
  look(ours: readonly UsedByProcess[]): void;
  /**
   * Called before a command starts. The returned function is called after a process of the command was killed
   * from outside, and tells whether it was the out-of-memory killer.
   */
  beginCommand(): () => boolean;
}

export function attributeKills(oom: OomCounter, ours: readonly UsedByProcess[]): OomKills {
  const ancestors = findAncestors();
  const isAlone = (processes: readonly UsedByProcess[]) => {
    const known = new Set([...ancestors, ...processes.map(({ pid }) => pid)]);
    return oom.members()?.every((pid) => known.has(pid) || isYoungest(pid)) ?? false;
  };
  let counted = oom.count();
  let wasAlone = isAlone(ours);
  let sure = 0;
  let doubtful = 0;

  /** Adds the kills since the last call to those that are certain, or to those in doubt. */
  function take(isOurs: boolean): void {
    const now = oom.count();
    if (isOurs) sure += now - counted;
    else doubtful += now - counted;
    counted = now;
  }

  return {
    get count() {
      return sure;
    },
    look(processes) {
      const alone = isAlone(processes);
      take(alone && wasAlone);
      wasAlone = alone;
    },
    beginCommand() {
      const before = oom.count();
      doubtful = 0;
      return () => {
        if (oom.count() === before) return false;
        take(wasAlone);
        // One process of the command was seen to die.
        if (doubtful > 0) sure += 1;
        doubtful = 0;
        return true;
      };
    },
  };
}

/**
 * Whether the process is a descendant that started after the last scan, or is gone. A parent 0 is outside of
 * our container.
 */
function isYoungest(pid: number): boolean {
  for (let at = pid; at !== process.pid;) {
    if (at === 0) return false;
    const stat = readStat(at);
    if (stat === undefined) return true;
    at = stat.ppid;
  }
  return true;
}

/** Lists this process and its ancestors, which belong to no job. */
function findAncestors(): number[] {
  const pids: number[] = [];
  for (let stat = readStat(process.pid); stat !== undefined; stat = readStat(stat.ppid)) pids.push(stat.pid);
  return pids;
}
