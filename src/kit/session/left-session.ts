import type {
  CheckpointRecord,
  OpenedRecord,
  SessionBase,
  SessionRecord,
  TypedRecord,
} from "../../core/contracts/session-journal.ts";

/** A session that an earlier process of the job has opened. */
export interface LeftSession {
  readonly opened: OpenedRecord;
  /** Where its output is read from. */
  readonly base: SessionBase;
  /** The lines after the base that the shell has received, in order. */
  readonly lines: readonly TypedRecord[];
  /** Lines whose recovery line was typed. */
  readonly recovered: ReadonlySet<number>;
  /** Within the last of the lines. Then the output is read from there. */
  readonly checkpoint: CheckpointRecord | undefined;
}

/** Returns the handle with which the executor finds the session; `undefined` when none was opened. */
export function findOpened(records: readonly SessionRecord[]): OpenedRecord | undefined {
  return records.findLast((record) => record.is === "opened");
}

/**
 * Reads the session from the records of earlier processes. `nextStep`: the first step that the session's
 * supervisor has not executed.
 */
export function readLeftSession(
  records: readonly SessionRecord[],
  nextStep: number,
): LeftSession | undefined {
  const opened = findOpened(records);
  if (!opened) return undefined;
  const typed = records.filter((record) => record.is === "typed");
  const base = typed.at(-1)?.base ?? opened.base;
  // A line that was not typed has given its number to the next one.
  const received = typed.filter(({ line, step }) => step < nextStep && line > base.line);
  const lines = received.filter(({ kind }) => kind !== "recovery");
  const last = lines.at(-1);
  return {
    opened,
    base,
    lines,
    recovered: new Set(received.filter(({ kind }) => kind === "recovery").map(({ line }) => line)),
    checkpoint: records.findLast((record) => record.is === "checkpoint" && record.line === last?.line) as
      | CheckpointRecord
      | undefined,
  };
}
