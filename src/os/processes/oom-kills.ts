import type { UsedByProcess } from "./descendants.ts";
import type { OomCounter } from "./oom.ts";
import { readStat } from "./proc.ts";

/** Tells which of the kills that are counted hit what this process started, since others may be counted with it. */
export interface OomKills {
  /** Those that did for sure. */
  readonly count: number;
  /** Attributes what was counted since the last look, when nobody else was there then and now. */
  look(ours: readonly UsedByProcess[]): void;
  /** Call before a command starts; the answer, when a process of it was killed by somebody else: whether it was for want of memory. */
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

  /** The rise since the last time goes where it belongs. */
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
        // One death was seen.
        if (doubtful > 0) sure += 1;
        doubtful = 0;
        return true;
      };
    },
  };
}

/** Ours, started since the look at the process table, or gone since. 0 is nobody, or somebody outside of our container. */
function isYoungest(pid: number): boolean {
  for (let at = pid; at !== process.pid;) {
    if (at === 0) return false;
    const stat = readStat(at);
    if (stat === undefined) return true;
    at = stat.ppid;
  }
  return true;
}

/** This process and those that it comes from: the agent, whoever started that. Nobody's job. */
function findAncestors(): number[] {
  const pids: number[] = [];
  for (let stat = readStat(process.pid); stat !== undefined; stat = readStat(stat.ppid)) pids.push(stat.pid);
  return pids;
}
