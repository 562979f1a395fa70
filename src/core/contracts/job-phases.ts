/** The part of a job that a command belongs to. */
export type CommandPhase = "commands" | "epilogue-always" | "epilogue-on-pass" | "epilogue-on-fail";

/**
 * A phase of a job in its process, in this order. A phase that is not reached is left out.
 *
 * | phase | what happens in it |
 * | --- | --- |
 * | `accept` | job policies, and listeners of `job:start` |
 * | `start-executor` | the executor is created and starts, which may pull images |
 * | `export`, `files` | variables are exported, files of the request are injected |
 * | `prepare` | listeners of `job:prepare` |
 * | `commands`, `epilogues` | the commands of the request |
 * | `finish` | listeners of `job:finish`, and the end of the log |
 * | `dispose` | the executor ends everything that is still running |
 */
export type JobPhase =
  | "accept"
  | "start-executor"
  | "export"
  | "files"
  | "prepare"
  | "commands"
  | "epilogues"
  | "finish"
  | "dispose";

/** A span of time. */
export interface JobSpan {
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** Milliseconds, by a clock that is never set. */
  readonly durationMs: number;
}

/** A phase of a job that has ended. */
export interface EndedPhase extends JobSpan {
  readonly phase: JobPhase;
  /** Whether the phase had no fault and no stop. */
  readonly isOk: boolean;
}

/** What a block of a job's log belongs to. `core`: the agent itself. */
export type BlockSource =
  | {
      readonly kind: "command";
      readonly phase: CommandPhase;
      /** Position within the phase, from 0. */
      readonly index: number;
    }
  | { readonly kind: "plugin"; readonly plugin: string }
  | { readonly kind: "executor" }
  | { readonly kind: "core" };

/** A block of a job's log that has ended. */
export interface EndedBlock extends JobSpan {
  /** The block's title, as the log shows it. */
  readonly directive: string;
  readonly source: BlockSource;
  readonly exitCode: number;
}
