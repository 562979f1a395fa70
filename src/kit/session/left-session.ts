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
  /** Number of the last line, received or not. */
  readonly lastLine: number;
  /** Lines that were recorded and that the shell has not received. */
  readonly untyped: readonly TypedRecord[];
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
  const typed = findTyped(records);
  // Output before the last base may be gone, also when its line was not received.
  const base = findLastTyped(records)?.base ?? opened.base;
  const received = typed.filter(({ line, step }) => step < nextStep && line > base.line);
  const lines = received.filter(({ kind }) => kind !== "recovery");
  const last = lines.at(-1);
  return {
    opened,
    base,
    lines,
    // The number of a line that was not received may still come back from the shell.
    lastLine: findLastTyped(records)?.line ?? base.line,
    untyped: typed.filter(({ step }) => step >= nextStep),
    recovered: new Set(received.filter(({ kind }) => kind === "recovery").map(({ line }) => line)),
    checkpoint: records.findLast((record) => record.is === "checkpoint" && record.line === last?.line) as
      | CheckpointRecord
      | undefined,
  };
}

function findLastTyped(records: readonly SessionRecord[]): TypedRecord | undefined {
  return records.findLast((record) => record.is === "typed");
}

/** Returns the lines that were typed, without those of which a later process has found that they were not. */
export function findTyped(records: readonly SessionRecord[]): TypedRecord[] {
  const typed: TypedRecord[] = [];
  for (const record of records) {
    if (record.is === "typed") typed.push(record);
    else if (record.is === "untyped") {
      const at = typed.findLastIndex(({ line, kind }) => line === record.line && kind === record.kind);
      if (at >= 0) typed.splice(at, 1);
    }
  }
  return typed;
}
