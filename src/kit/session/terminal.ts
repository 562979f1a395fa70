import type { TerminalSize } from "../../core/contracts/side-session.ts";

/** What a {@link Session} needs of a terminal. */
export interface TerminalOptions {
  /** The program that leads the terminal's session, and its arguments. */
  readonly command: readonly string[];
  /** Receives the complete output of the program, in order. The bytes are valid only during the call. */
  readonly onData: (bytes: Uint8Array) => void;
}

/**
 * A terminal with a program in it: a local pseudo-terminal, or that of a container or pod. Input and output
 * arrive once and in order; if a broken connection makes that impossible, the terminal ends.
 *
 * `ended` resolves after the last call of `onData`, when the program has exited or is out of reach. It never
 * rejects. `write` is called with one line at a time, and only while a shell waits for input. `settle`, if
 * present, is called before the shell waits, and turns line input on again if a program left it off. `kill`
 * ends the program at once. Disposal kills the program and releases all resources; it may be called twice.
 *
 * A terminal that outlives this process has `steps`, see {@link TerminalSteps}.
 */
export interface Terminal extends AsyncDisposable {
  readonly ended: Promise<void>;
  write(line: string): void;
  settle?(): void;
  kill(): void;
  readonly steps?: TerminalSteps;
}

/** The part of a terminal that lets another process continue its session. */
export interface TerminalSteps {
  /** Number of the step that the next `write` will be. */
  next(): number;
  /** Starts reading the output of a session that is continued. Has no effect otherwise, and when called again. */
  begin(): void;
  /** Output before this byte is not read again, so that its space may be released. */
  keep(offset: number): void;
}

/** A terminal that a person may use. `input` takes what was typed, at any time; `resize` changes its size. */
export interface SideTerminal extends Terminal {
  input(bytes: Uint8Array): void;
  resize(size: TerminalSize): void;
}

/** Opens a terminal. Rejects with `TERMINAL_FAILED` when it cannot. */
export type OpenTerminal<T extends Terminal = Terminal> = (options: TerminalOptions) => T | Promise<T>;
