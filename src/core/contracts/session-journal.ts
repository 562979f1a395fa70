/** The streams of a job's shell between two commands, as its last marker has reported them. */
export interface ShellStreams {
  readonly flags: string;
  /** Descriptors of the job's streams; `-` for a closed one. */
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly pid: number;
}

/** A position between two commands from which a session's output is read again. */
export interface SessionBase {
  /** Number of the session's line that had ended; 0: the start of the shell. */
  readonly line: number;
  /** Bytes of the terminal's output before it. */
  readonly offset: number;
  readonly streams: ShellStreams;
}

/** How the output of a line is used: shown in the log, passed to the caller, or kept for the next command. */
export type LineKind = "shown" | "silent" | "parked";

/** The session was opened. `handle`: what finds it again, as JSON; only the executor knows it. */
export interface OpenedRecord {
  readonly is: "opened";
  readonly handle: unknown;
  /** The nonces of the session's markers. */
  readonly holder: string;
  readonly nonce: string;
  readonly base: SessionBase;
}

/** A line is about to be typed; `recovery`: the one after an interrupt. */
export interface TypedRecord {
  readonly is: "typed";
  readonly line: number;
  readonly kind: LineKind | "recovery";
  /** Path of the file that the line sources. */
  readonly path: string;
  /** Number of the step that types it. The session's supervisor knows which steps it has executed. */
  readonly step: number;
  readonly base: SessionBase;
  /** Set by the reader: the line belongs to the step of the job that had not ended. */
  readonly isCurrent?: boolean;
}

/** The shell has not received this line, and does not execute it any more: its earlier record counts for nothing. */
export interface UntypedRecord {
  readonly is: "untyped";
  readonly line: number;
  readonly kind: TypedRecord["kind"];
}

/** Within the output of a line: `text` bytes of the open block come from the output before `offset`. */
export interface CheckpointRecord {
  readonly is: "checkpoint";
  readonly line: number;
  readonly offset: number;
  readonly text: number;
  readonly streams: ShellStreams;
}

/** No other process can continue the session. */
export interface UnresumableRecord {
  readonly is: "unresumable";
  readonly reason: string;
}

/** What an executor writes into the journal of a session. */
export type SessionRecord = OpenedRecord | TypedRecord | UntypedRecord | CheckpointRecord | UnresumableRecord;

/**
 * What an executor keeps on disk of a session that outlives the job's process. All methods are synchronous, and
 * none throws: a disk that refuses a record makes the session one that ends with its process.
 */
export interface SessionJournal {
  /** Number of the process that owns the session: 1 for the first, and one more for each that takes it over. */
  readonly owner: number;
  /** The records of earlier processes, in order. Empty: the session is opened anew. */
  readonly left: readonly SessionRecord[];
  /** An earlier process has stopped the job: no further command may begin. */
  readonly isStopping: boolean;
  /** Milliseconds that a session without a process waits for the next one (`claim-timeout`). */
  readonly unclaimedMs: number;
  write(record: SessionRecord): void;
  /**
   * Everything before `offset` was passed on, and the session holds nothing back. Writes a checkpoint if the log
   * holds nothing back either, and returns whether it did.
   */
  passed(line: number, offset: number, streams: ShellStreams): boolean;
  /** The command that an earlier process had begun is being followed. */
  attached(): void;
  /** Another process owns the session. Ends this process at once, so that it reports nothing. */
  fenced(): void;
}
