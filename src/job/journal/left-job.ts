import type { VariableScope } from "../../core/contracts/executor.ts";
import type { CheckpointRecord, SessionRecord } from "../../core/contracts/session-journal.ts";
import type { StopCause } from "../../core/contracts/stop-cause.ts";
import type { JobOutcome } from "../commands/messages.ts";
import type { LeftBlocks } from "../log/left-blocks.ts";
import { type AsideRecord, type JournalRecord, journalVersion } from "./journal-records.ts";

/** What the earlier processes of a job have written into its journal. */
export interface LeftJob {
  /** Number of the last process. */
  readonly owner: number;
  readonly startedAt: number;
  readonly session: readonly SessionRecord[];
  /** The key of each step that has begun → the index of its block in the log. */
  readonly steps: ReadonlyMap<string, number>;
  readonly lastStep: string | undefined;
  readonly hooks: ReadonlySet<string>;
  /** Variables of plugins. `isPending`: they are not exported yet. */
  readonly variables: readonly LeftVariable[];
  /** Values that were masked before the last step or checkpoint. */
  readonly secrets: readonly string[];
  /** What happened besides the output since the last step or checkpoint. */
  readonly asides: readonly AsideRecord[];
  readonly messages: ReadonlyMap<number, JobOutcome>;
  readonly checkpoint: CheckpointRecord | undefined;
  readonly stop: { readonly cause: StopCause; readonly isKill: boolean } | undefined;
  /** Whether the process serves the running command, which fails without it. */
  readonly isServed: boolean;
}

export interface LeftVariable {
  readonly name: string;
  readonly value: string;
  readonly scope: VariableScope;
  readonly isPending: boolean;
}

/** Processes in a row that have ended without a further record: the next one would end in the same way. */
const maxIdleOwners = 20;

/** Reads the records of a journal. Returns the reason when no other process can continue the job. */
export function readLeftJob(records: readonly JournalRecord[]): LeftJob | string {
  const owners = records.filter((record) => record.is === "owner");
  const last = owners.at(-1);
  if (!last) return "its journal has no record";
  if (last.version !== journalVersion)
    return `its journal has version ${last.version}, and this program expects ${journalVersion}`;
  const unresumable = records.findLast((record) => record.is === "unresumable");
  if (unresumable) return unresumable.reason;
  const idle =
    records.length -
    1 -
    records.findLastIndex(({ is }) => is !== "owner" && is !== "typed" && is !== "untyped");
  if (idle > maxIdleOwners) return `${maxIdleOwners} processes have ended one after another`;
  const { session, steps, lastStep } = readSteps(records);
  const isOpened = session.some(({ is }) => is === "opened");
  if (!isOpened && steps.size > 0) return "its session was not recorded";
  const from = records.findLastIndex(({ is }) => is === "step" || is === "checkpoint");
  const current = records.slice(from + 1);
  const asides = current.filter((record) => record.is === "aside");
  const before = records.slice(0, from + 1).filter((record) => record.is === "aside");
  const checkpoint = records[from];
  return {
    owner: last.owner,
    startedAt: owners[0]!.startedAt,
    // Before the first step the start was not complete, and nothing of the job has run: it begins anew.
    session: steps.size > 0 ? session : [],
    steps,
    lastStep,
    hooks: new Set(records.flatMap((record) => (record.is === "hook" ? [record.key] : []))),
    variables: readVariables(records),
    secrets: before.flatMap(({ secrets = [] }) => secrets),
    asides,
    messages: new Map(
      current.flatMap((record) => (record.is === "message" ? [[record.index, record.outcome]] : [])),
    ),
    checkpoint: checkpoint?.is === "checkpoint" ? checkpoint : undefined,
    stop: records.findLast((record) => record.is === "stop"),
    isServed: isServed(records),
  };
}

/** Returns the reason when the log is behind the journal, as after a crash of the machine. */
export function findGap(
  { steps, lastStep, checkpoint }: LeftJob,
  { count, open }: LeftBlocks,
): string | undefined {
  const block = lastStep === undefined ? 0 : steps.get(lastStep)!;
  const isBehind =
    block > count || (checkpoint && block === count - 1 && open && checkpoint.text > open.text);
  return isBehind || (checkpoint && block === count) ? "its log is behind its journal" : undefined;
}

function readSteps(records: readonly JournalRecord[]): Pick<LeftJob, "session" | "steps" | "lastStep"> {
  const steps = new Map<string, number>();
  let lastStep: string | undefined;
  let session: SessionRecord[] = [];
  for (const record of records) {
    if (record.is === "step") {
      steps.set(record.key, record.block);
      lastStep = record.key;
      session = session.map((each) => (each.is === "typed" ? { ...each, isCurrent: false } : each));
    } else if (record.is === "typed") session.push({ ...record, isCurrent: true });
    else if (record.is === "opened") session = [record];
    else if (record.is === "checkpoint" || record.is === "untyped") session.push(record);
  }
  return { steps, lastStep, session };
}

function isServed(records: readonly JournalRecord[]): boolean {
  const from = records.findLastIndex((record) => record.is === "variable" && record.isServed);
  if (from === -1) return false;
  const later = records.slice(from);
  const has = (hook: string) =>
    later.some((record) => record.is === "hook" && record.key.startsWith(`${hook} `));
  // Another process calls listeners again that have not returned, and serves the command itself.
  const isOver = !has("command:start") || has("command:end");
  // The first step is the command itself. Where no plugin listens to `command:end`, only the next step shows the end.
  return !isOver && later.filter(({ is }) => is === "step").length < 2;
}

function readVariables(records: readonly JournalRecord[]): LeftVariable[] {
  let variables: LeftVariable[] = [];
  for (const record of records) {
    if (record.is === "variable") {
      const { name, value, scope } = record;
      variables = variables.filter((each) => each.name !== name || each.scope !== scope);
      variables.push({ name, value, scope, isPending: true });
    } else if (record.is === "exported")
      variables = variables
        .filter(({ scope }) => scope === "job")
        .map((each) => ({ ...each, isPending: false }));
  }
  return variables;
}
