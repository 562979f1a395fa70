import type { BoardAgent, BoardJob, BoardState } from "signalman";

/** What browsers show of a board, without what changes with each line of a log. */
export interface Overview {
  readonly agents: readonly Omit<BoardAgent, "syncedAt">[];
  readonly jobs: readonly Omit<BoardJob, "log" | "variables">[];
}

/** Jobs of an overview, the newest first; those that run or wait are always in it. */
const mostFinished = 200;
const mostOpen = 1000;

export function toOverview({ agents, jobs }: BoardState): Overview {
  const isOpen = ({ state }: BoardJob): boolean => state === "queued" || state === "running";
  const open = jobs.filter(isOpen).slice(0, mostOpen);
  const finished = jobs.filter((job) => !isOpen(job)).slice(0, mostFinished);
  return {
    agents: agents.map(({ syncedAt: _, ...agent }) => agent),
    jobs: [...open, ...finished].map(({ log: _, variables: __, ...job }) => job),
  };
}
