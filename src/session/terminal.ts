/** What a {@link Session} asks of a terminal. */
export interface TerminalOptions {
  /** The program and its arguments, to be the terminal's session leader. */
  readonly command: readonly string[];
  /** Gets what the program writes: once, in order, all of it. The bytes are only valid during the call. */
  readonly onData: (bytes: Uint8Array) => void;
}

/**
 * A terminal with a program in it: a local pseudo-terminal, a container's, a pod's. What is written arrives once and in
 * order, and so does what is read, or the terminal ends; how it holds that over a connection that breaks is its own
 * business.
 *
 * `ended` resolves after the last call of `onData`, when the program is gone or out of reach. It never rejects.
 * `write` is called with one line at a time, and only while a shell waits for it. `settle`, where there is one, is called when the shell is about
 * to wait: it turns line input on again if a program left it off. `kill` ends the program at once. Disposal kills,
 * and frees what the terminal holds; safe twice.
 */
export interface Terminal extends AsyncDisposable {
  readonly ended: Promise<void>;
  write(line: string): void;
  settle?(): void;
  kill(): void;
}

/** Opens a terminal. Rejects with `TERMINAL_FAILED` when it cannot. */
export type OpenTerminal<T extends Terminal = Terminal> = (options: TerminalOptions) => T | Promise<T>;
