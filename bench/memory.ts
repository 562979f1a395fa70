import { mb } from "./figures.ts";
import { findChildren, readMemory } from "./proc.ts";

export interface MemoryWatch {
  /** Begins anew, and returns the memory in bytes at this moment. */
  restart(): number;
  /**
   * Ends the watch. In bytes: both together, and the agent alone. `each` lists the agent and its job process.
   */
  stop(): { readonly total: number; readonly agent: number; readonly each: string };
}

/** Records the maximum PSS of an agent and its job process together. */
export function watchMemory(agent: number): MemoryWatch {
  let total = 0;
  let each = "";
  let alone = 0;
  let jobs: number[] = [];
  const look = () => {
    if (jobs.length === 0) jobs = findChildren(agent);
    const all = [agent, ...jobs].map((pid) => readMemory(pid).pss);
    alone = Math.max(alone, all[0]!);
    const sum = all.reduce((a, b) => a + b, 0);
    if (sum > total) [total, each] = [sum, all.map(mb).join(" + ")];
    return sum;
  };
  const timer = setInterval(look, 50);
  return {
    restart() {
      total = 0;
      alone = 0;
      return look();
    },
    stop() {
      clearInterval(timer);
      return { total, agent: alone, each };
    },
  };
}
