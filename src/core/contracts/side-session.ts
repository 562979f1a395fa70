import type { Output } from "./job-log.ts";

/** Size of a terminal. 0 × 0: unknown to programs. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** Options of `Executor.openSession`. */
export interface SideSessionOptions {
  /** Ends the session when it aborts, also while it is being opened. */
  readonly signal: AbortSignal;
  /**
   * Opens an interactive shell, for `write` and `resize`. `onData` receives its output; the bytes are valid
   * only during the call. Left out: a session for `run`.
   */
  readonly terminal?: TerminalSize & { readonly onData: (bytes: Uint8Array) => void };
}

/**
 * A shell beside a job's running session: the same place, user and limits, and at its start the exported
 * variables and the working directory that the running session has. It has its own functions and options.
 * Disposal ends its shell; what else it started ends with the job.
 */
export interface SideSession extends AsyncDisposable {
  /** Resolves when the shell has ended. Never rejects. */
  readonly ended: Promise<void>;
  /**
   * Runs a command and resolves to its exit code; to 1 when the session ends meanwhile or has ended, and in an
   * interactive one. One command at a time.
   */
  run(directive: string, output: Output): Promise<number>;
  /** Types into an interactive shell. Without effect elsewhere. */
  write(input: Uint8Array): void;
  /** Changes the size of the terminal. */
  resize(size: TerminalSize): void;
}
