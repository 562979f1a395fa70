import type { VariableScope } from "../../core/contracts/executor.ts";
import type { SessionRecord } from "../../core/contracts/session-journal.ts";
import type { StopCause } from "../../core/contracts/stop-cause.ts";
import type { JobOutcome } from "../commands/messages.ts";

/** A process of the job has begun. `startedAt`: when the job has begun, in Unix milliseconds. */
export interface OwnerRecord {
  readonly is: "owner";
  readonly version: typeof journalVersion;
  readonly owner: number;
  readonly startedAt: number;
}

/** A step of the job is about to begin its block, which is the one with this index in the log. */
export interface StepRecord {
  readonly is: "step";
  readonly key: string;
  readonly block: number;
}

/** Something happens besides the output: after `bytes` of it, since the beginning of the step or the checkpoint. */
export interface AsideRecord {
  readonly is: "aside";
  readonly bytes: number;
  /** Lines that pass the filters. */
  readonly note?: string;
  /** Lines that are filtered already. */
  readonly lines?: string;
  /** Values that are masked from here on. */
  readonly secrets?: readonly string[];
}

/** Every record of a job's journal. */
export type JournalRecord =
  | SessionRecord
  | OwnerRecord
  | StepRecord
  | AsideRecord
  /** The listeners of a hook have returned. */
  | { readonly is: "hook"; readonly key: string }
  /** A plugin has set a variable, which waits for the next command. */
  | {
      readonly is: "variable";
      readonly name: string;
      readonly value: string;
      readonly scope: VariableScope;
      /** See `VariableOptions.served`. */
      readonly isServed?: boolean;
    }
  /** The variables that waited are exported. */
  | { readonly is: "exported" }
  /** A message in the output has been executed; `index` counts from the beginning of the step or the checkpoint. */
  | { readonly is: "message"; readonly index: number; readonly outcome: JobOutcome }
  | { readonly is: "stop"; readonly cause: StopCause; readonly isKill: boolean };

export const journalVersion = 1;
