import type { BoardJob, BoardState } from "signalman";
import type { Overview } from "./browser/types.ts";

/** Jobs of an overview, the newest first; those that run or wait are always in it. */
const mostFinished = 200;
const mostOpen = 1000;

/** Returns what browsers show of a board, without what changes with each line of a log. */
export function toOverview({ agents, jobs }: BoardState): Overview {
  const isOpen = ({ state }: BoardJob): boolean => state === "queued" || state === "running";
  const open = jobs.filter(isOpen).slice(0, mostOpen);
  const finished = jobs.filter((job) => !isOpen(job)).slice(0, mostFinished);
  return {
    agents: agents.map(({ syncedAt: _, ...agent }) => agent),
    jobs: [...open, ...finished].map(({ log: _, variables: __, ...job }) => job),
  };
}
