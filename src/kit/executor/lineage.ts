import { readStat } from "../../os/processes/proc.ts";

/**
 * Lists the pids from `pid` up to its ancestor `ancestor`, both included: a shell, the programs that it runs
 * behind, and the leader of its terminal. When the ancestor is not found, only the two pids are returned.
 */
export function listLineage(pid: number, ancestor: number): number[] {
  const pids = [pid];
  for (let stat = readStat(pid); stat !== undefined && stat.pid !== ancestor; stat = readStat(stat.ppid)) {
    if (stat.ppid <= 1) return [pid, ancestor];
    pids.push(stat.ppid);
  }
  return pids.includes(ancestor) ? pids : [pid, ancestor];
}
