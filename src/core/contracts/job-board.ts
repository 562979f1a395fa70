import type { JobLimits } from "./executor-options.ts";
import type { JobResult } from "./job-events.ts";
import type { EndedBlock, EndedPhase } from "./job-phases.ts";
import type { JobUsage, TimedPull } from "./job-summary.ts";
import type { SpoolReader } from "./spool.ts";

/**
 * The agents, jobs and logs that a hub or an agent knows. All of it may be called at any time and as often as wanted;
 * nothing is read between two calls.
 */
export interface JobBoard {
  readonly kind: "agent" | "hub";
  read(): BoardState;
  /** Opens the log of a job; `undefined` when there is none. The caller disposes it. */
  openLog(jobId: string): BoardLog | undefined;
  /**
   * Opens what a job used and did when; `read` also returns what was added since. `undefined` for an unknown job.
   * Left out: the board has none, as that of a hub, to which agents send only logs.
   */
  openTimeline?(jobId: string): { read(): JobTimeline } | undefined;
  /** What the caller may change. Left out: nothing, as in an agent, whose control plane decides. */
  readonly actions?: BoardActions;
}

/** The log of a job: `peek` returns whole events from a position on, also those that are added later. */
export type BoardLog = Pick<SpoolReader, "peek"> & Disposable;

/**
 * What a job used and did when, as its process recorded it. Jobs are recorded if a viewer shows their agent's board:
 * once a second, long ones in longer intervals. Times are Unix milliseconds.
 */
export interface JobTimeline {
  /** What `job-memory`, `job-cpus` and `job-pids` allowed, or the template of the job's pod. */
  readonly limits: JobLimits;
  /** Processors of the agent's host; 0 when nothing was recorded. */
  readonly processors: number;
  /**
   * What the job has used up to a moment, in the order of the moments, at most 4096. Unknown figures are left out.
   * `memoryBytes` is the most since the sample before. Totals begin again when another process continues the job.
   */
  readonly samples: readonly (JobUsage & { readonly at: number })[];
  /** The blocks of the log that have ended, at most 2000. `index`: the place among all blocks of the log, from 0. */
  readonly blocks: readonly (Omit<EndedBlock, "directive"> & { readonly index: number })[];
  /** The phases that have ended. A job that another process continues begins with the first one again. */
  readonly phases: readonly EndedPhase[];
  /** The pulls of its images; with the phases at most 200. */
  readonly pulls: readonly TimedPull[];
  /** When the agent was told of the job. Left out where it is unknown. */
  readonly assignedAt?: number;
}

/** The state of a board. Times are Unix milliseconds. */
export interface BoardState {
  readonly agents: readonly BoardAgent[];
  /** The newest first; finished jobs at most 500. */
  readonly jobs: readonly BoardJob[];
}

/** An agent of a hub, or a slot of an agent. */
export interface BoardAgent {
  readonly name: string;
  readonly state: "starting" | "waiting" | "paused" | "running" | "left" | "failed";
  /** Why it takes no jobs, in one printable line. */
  readonly reason?: string;
  readonly isDraining: boolean;
  readonly version: string;
  readonly host?: string;
  readonly jobId?: string;
  /** The last call to its control plane that was answered. */
  readonly syncedAt?: number;
}

/** A job of a board. What a board does not know is left out. */
export interface BoardJob {
  readonly id: string;
  readonly name?: string;
  /** `died`: its process is dead, and its result is missing. */
  readonly state: "queued" | "running" | "finished" | "died";
  readonly result?: JobResult;
  /** Why it ended, unless its commands decided. */
  readonly reason?: string;
  /** The agent or slot that runs or ran it. */
  readonly agent?: string;
  readonly executor?: string;
  readonly project?: string;
  readonly branch?: string;
  /** Names of the request's variables, at most 200. */
  readonly variables?: readonly string[];
  /** Its place in the queue, from 1. */
  readonly place?: number;
  readonly createdAt?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly usage?: JobUsage;
  readonly log: {
    readonly bytes: number;
    /** Bytes that the control plane has. */
    readonly deliveredBytes?: number;
    /** Whether its end is missing, since it was too large. */
    readonly isTrimmed?: boolean;
  };
}

/** What a board can do. Each resolves to `false` when the job or agent is unknown, or it is too late. */
export interface BoardActions {
  stop(jobId: string): Promise<boolean>;
  /** Queues a job, given as YAML or JSON. Resolves to its id. Rejects with `JOB_INVALID`. */
  submit(text: string): Promise<string>;
  /** Queues the same job again. Resolves to the new id; `undefined` when the request is not known any more. */
  retry(jobId: string): Promise<string | undefined>;
  /** The agent finishes no further job: it stops the present one, and shuts down. */
  shutDown(agent: string): Promise<boolean>;
}

/** Shows a board, such as a page. */
export interface JobBoardViewer {
  /**
   * Called once, when the hub or the agent has started. What it opens is closed by `ctx.defer`. Resolves to where users
   * find it, in one line, which the hub prints.
   */
  open(board: JobBoard): Promise<string>;
}
