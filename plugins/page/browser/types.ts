// What the API answers: `docs/page.md`. Times of jobs are Unix milliseconds, those of a log Unix seconds.

export type Level = "none" | "read" | "write";

export interface Session {
  readonly kind: "agent" | "hub";
  readonly canAct: boolean;
  readonly isClosed: boolean;
  /** Whether the use of jobs over time is known. */
  readonly hasTimelines: boolean;
  readonly level: Level;
}

export interface Agent {
  readonly name: string;
  readonly state: string;
  readonly reason?: string;
  readonly isDraining: boolean;
  readonly version: string;
  readonly host?: string;
  readonly jobId?: string;
}

export interface Usage {
  readonly cpuUserMs?: number;
  readonly cpuSystemMs?: number;
  readonly peakMemoryBytes?: number;
  readonly readBytes?: number;
  readonly writtenBytes?: number;
  readonly oomKills?: number;
}

export interface Job {
  readonly id: string;
  readonly name?: string;
  readonly state: "queued" | "running" | "finished" | "died";
  readonly result?: string;
  readonly reason?: string;
  readonly agent?: string;
  readonly executor?: string;
  readonly project?: string;
  readonly branch?: string;
  readonly variables?: readonly string[];
  readonly place?: number;
  readonly createdAt?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly usage?: Usage;
  readonly log?: { readonly bytes: number; readonly deliveredBytes?: number; readonly isTrimmed?: boolean };
}

export interface Overview {
  readonly agents: readonly Agent[];
  readonly jobs: readonly Job[];
}

export type Row = readonly [text: string, seconds: number, kind?: 1];

export interface Command {
  readonly row: number;
  readonly directive: string;
  readonly startedAt: number;
  readonly finishedAt?: number;
  readonly exitCode?: number;
}

/** The answer about a job, and (with `commandsFrom`, without the times) a message about it. */
export interface JobMessage {
  readonly job?: Job;
  readonly total: number;
  /** Number of commands. */
  readonly count: number;
  readonly from: number;
  readonly rows: readonly Row[];
  readonly commandsFrom?: number;
  readonly commands: readonly Command[];
  readonly timeline?: TimelineNews;
}

/** A sample: Unix milliseconds, CPU milliseconds, bytes of memory, bytes read and written; totals but for memory. */
export type Sample = readonly [
  at: number,
  cpuMs: number | null,
  memoryBytes: number | null,
  readBytes: number | null,
  writtenBytes: number | null,
];

/** A block of the log that has ended: its number, Unix milliseconds, and `command`, `executor`, `core`, `plugin x`. */
export type Block = readonly [index: number, startedAt: number, durationMs: number, kind: string];

/** What is not a block of the log: a phase of the job that has ended, or the pull of an image. */
export type Span = readonly [
  kind: "phase" | "pull",
  name: string,
  startedAt: number,
  durationMs: number,
  isOk: 0 | 1,
];

export interface Timeline {
  readonly limits: { readonly memoryBytes?: number; readonly cpus?: number };
  /** When the agent was told of the job. */
  readonly assignedAt?: number;
  readonly processors: number;
  readonly samples: readonly Sample[];
  readonly blocks: readonly Block[];
  readonly spans: readonly Span[];
}

/** The end of a timeline. It has no spans when the page has connected again to an agent of an earlier release. */
export type TimelineNews = Omit<Timeline, "spans"> & Partial<Pick<Timeline, "spans">>;

export interface Found {
  readonly total: number;
  readonly hits: readonly (readonly [row: number, text: string])[];
}
