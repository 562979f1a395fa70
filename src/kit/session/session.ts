import type { Output } from "../../core/contracts/job-log.ts";
import { waitForBoot } from "./boot.ts";
import { createKeeping, type Keeping, type KeepingOptions } from "./keeping.ts";
import { createMarkerScanner } from "./markers.ts";
import { runCommand } from "./run-command.ts";
import {
  createShellState,
  endShell,
  failShell,
  handleMarker,
  routeOutput,
  type ShellState,
} from "./shell-state.ts";
import { bootLine, holderCommand, nonceText, sourceSecret } from "./shell-text.ts";
import type { OpenTerminal, Terminal } from "./terminal.ts";

export interface SessionOptions<T extends Terminal> {
  readonly open: OpenTerminal<T>;
  /** Shell code that the terminal's leader runs first; it must print nothing. */
  readonly setUp?: readonly string[];
  /** Stores the text of a command where only the session's shell can read it; resolves to its path there. */
  readonly putCommand: (text: string) => string | Promise<string>;
  /**
   * Stores the text that gives the shell the session's secret, in the way of `putCommand`. Called once,
   * before the first command. Left out: the text is typed, where processes that the shell's start-up files
   * started may read it.
   */
  readonly putSecret?: (text: string) => string | Promise<string>;
  /**
   * Directory, as seen by the session, in which answers to terminal sequences appear; see `Executor.putAnswer`.
   * Left out: they get none.
   */
  readonly answers?: string;
  /** A path on this host, private to the job, for output between commands that does not fit into memory. */
  readonly overflow: string;
  readonly size: { readonly rows: number; readonly columns: number };
  /** Milliseconds that the shell's start-up files may take. */
  readonly startTimeoutMs: number;
  /**
   * Whether bash is a login shell. Default: true. `false`: an interactive shell, which keeps its
   * environment's PATH.
   */
  readonly login?: boolean;
  /** Lets another process of the job continue the session. Left out: it ends with this process. */
  readonly keeping?: KeepingOptions | undefined;
}

/** Options of one command of a session. */
export interface SessionRunOptions {
  readonly silent?: boolean;
  /** An earlier process of the job may have typed this command, see `ExecutorRunOptions`. */
  readonly continues?: boolean;
  /** Stores the text of this command, in place of the session's `putCommand`. */
  readonly putCommand?: SessionOptions<Terminal>["putCommand"];
}

/**
 * One bash in one terminal (protocol section 6.2), a login shell by default. Directory, variables, functions
 * and options are kept from command to command, since each command is sourced.
 */
export interface Session<T extends Terminal = Terminal> extends AsyncDisposable {
  readonly terminal: T;
  /** Resolves when the shell has exited and its last byte was delivered. */
  readonly ended: Promise<void>;
  readonly alive: boolean;
  /** Pid of the shell, as seen where it runs. Its parent leads the terminal. */
  readonly shellPid: number;
  /** Exit status of the shell, 128 + n after a signal; `undefined` while it runs, and when it is unknown. */
  readonly exitCode: number | undefined;
  /**
   * Why the session ended before its shell: its output could not be processed. Each command rejects with it.
   */
  readonly failure: Error | undefined;
  /** Number of bytes that arrived after the last command. */
  readonly pendingBytes: number;
  /**
   * Number of bytes between commands that were dropped, because they exceeded their limit or the disk was
   * full.
   */
  readonly droppedBytes: number;
  /**
   * Runs a command and resolves to its exit code; to 1 when the shell exits, also for each later command.
   * Only one command runs at a time. Output between two commands is delivered at the beginning of the next
   * one that is not `silent`. Rejects with `SESSION_FAILED` when `output` throws, and the session ends.
   */
  run(text: string, output: Output, options?: SessionRunOptions): Promise<number>;
  /**
   * Runs a file of the session's own between two commands: nothing of it is shown, `set -e` does not end the shell,
   * and output that arrives meanwhile is delivered with the next command. Resolves to its exit code, as `run`.
   */
  runParked(text: string): Promise<number>;
  /** Closes the terminal. A running command resolves to 1. */
  close(): Promise<void>;
}

/**
 * Opens a terminal, starts the shell and waits until its login profile has finished. Rejects with
 * `SESSION_FAILED`.
 */
export async function createSession<T extends Terminal>(
  options: SessionOptions<T>,
  signal: AbortSignal,
): Promise<Session<T>> {
  const { login = true } = options;
  const left = options.keeping?.left;
  const state = createShellState(options.overflow, left);
  const { holder, gap, noise } = state;
  const position = left?.checkpoint?.offset ?? left?.base.offset;
  const scanner = createMarkerScanner({
    ...(position !== undefined && { position }),
    isOurs: (nonce) => nonce === holder || nonce === state.nonce,
    onOutput: (bytes) => routeOutput(state, bytes),
    onMarker: (marker) => handleMarker(state, marker, terminal),
  });
  // A terminal elsewhere can deliver output before the call that opens it has resolved.
  const early: Uint8Array[] = [];
  let isOpen = false;
  const keeping =
    options.keeping &&
    createKeeping(options.keeping, { state, scanner: () => scanner, terminal: () => terminal });
  const push = (bytes: Uint8Array) => {
    scanner.push(bytes);
    keeping?.read();
  };
  const attempt = (work: () => void) => {
    if (state.failure) return;
    try {
      work();
    } catch (error) {
      failShell(state, error);
      terminal.kill();
    }
  };
  const terminal = await options.open({
    command: holderCommand({ nonce: holder, size: options.size, login, setUp: options.setUp }),
    onData: (bytes) => (isOpen ? attempt(() => push(bytes)) : void early.push(bytes.slice())),
  });
  isOpen = true;
  for (const bytes of early) attempt(() => push(bytes));
  const end = () =>
    attempt(() => {
      if (state.isAlive) scanner.flush();
      endShell(state);
    });
  void terminal.ended.then(end);

  const close = async () => {
    await terminal[Symbol.asyncDispose]();
    end();
  };
  const dispose = async () => {
    await close();
    gap[Symbol.dispose]();
  };
  const session = toSession(state, terminal, { putCommand: options.putCommand, keeping, close, dispose });
  if (left) return session;
  try {
    const text = nonceText(state.nonce);
    const secretPath = await options.putSecret?.(text);
    const line = bootLine(secretPath === undefined ? text : sourceSecret(secretPath), options.answers);
    noise.expect({ echo: line, trace: undefined });
    terminal.write(line);
    await waitForBoot(state, { timeoutMs: options.startTimeoutMs, login, secretPath }, signal);
  } catch (error) {
    await dispose();
    throw error;
  }
  return session;
}

function toSession<T extends Terminal>(
  state: ShellState,
  terminal: T,
  own: Pick<SessionOptions<T>, "putCommand"> & {
    readonly keeping: Keeping | undefined;
  } & Record<"close" | "dispose", () => Promise<void>>,
): Session<T> {
  return {
    terminal,
    ended: state.ended.promise,
    get alive() {
      return state.isAlive;
    },
    get shellPid() {
      return state.streams?.pid ?? 0;
    },
    get exitCode() {
      return state.exitCode;
    },
    get failure() {
      return state.failure;
    },
    get pendingBytes() {
      return state.gap.byteLength;
    },
    get droppedBytes() {
      return state.gap.droppedBytes;
    },
    run: (text, output, { silent = false, continues, putCommand = own.putCommand } = {}) =>
      runCommand(state, terminal, {
        text,
        output,
        silent,
        putCommand,
        keeping: own.keeping,
        ...(continues !== undefined && { continues }),
      }),
    runParked(text) {
      const output: Output = (chunk) => state.gap.push(Buffer.from(chunk as Uint8Array));
      return runCommand(state, terminal, { ...own, text, output, silent: true, isParked: true });
    },
    close: own.close,
    [Symbol.asyncDispose]: own.dispose,
  };
}
