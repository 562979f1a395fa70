import { AgentError, toMessage } from "../../core/errors.ts";
import { readChildren } from "../../os/processes/proc.ts";
import { sendSignal } from "../../os/processes/send-signal.ts";
import type { SideTerminal, TerminalOptions } from "./terminal.ts";
import { waitAtMost } from "../../core/host/deadline.ts";

export interface LocalTerminalOptions extends TerminalOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Directory of the control group in which the program starts. */
  readonly controlGroup?: string | undefined;
}

/** A pseudo-terminal on this host. `pid` is the leader of its session. */
export interface LocalTerminal extends SideTerminal {
  readonly pid: number;
}

const ICANON = 0x2;
const hangUpMs = 200;

/** Opens a pseudo-terminal with a program in it. */
export function openLocalTerminal(options: LocalTerminalOptions): LocalTerminal {
  const hungUp = Promise.withResolvers<void>();
  const program = spawn(options, hungUp.resolve);
  const { terminal } = program;
  if (!terminal) throw new AgentError("TERMINAL_FAILED", "this system offers no pseudo-terminal");
  let closed = false;

  const close = () => {
    if (closed) return;
    closed = true;
    terminal.close();
    hungUp.resolve();
  };

  // The hang-up after the leader's death ends only the running command, and the script would continue: so its
  // shell is killed first.
  const kill = () => {
    // The pid of a program that has exited may belong to another one.
    if (program.exitCode !== null || program.signalCode !== null) return;
    for (const pid of readChildren(program.pid) ?? []) sendSignal(pid, "SIGKILL");
    program.kill("SIGKILL");
  };

  return {
    pid: program.pid,
    // The hang-up follows the last bytes of the program, which its exit does not. Sometimes there is no
    // hang-up, and the drained terminal keeps the event loop busy instead.
    ended: program.exited.then(() => waitAtMost(hungUp.promise, hangUpMs)).then(close),
    write(line) {
      if (!closed && !terminal.closed) terminal.write(line);
    },
    input(bytes) {
      if (!closed && !terminal.closed) terminal.write(bytes);
    },
    resize({ rows, columns }) {
      if (!closed && !terminal.closed) terminal.resize(columns, rows);
    },
    settle() {
      if (closed || terminal.closed || (terminal.localFlags & ICANON) !== 0) return;
      terminal.localFlags |= ICANON;
    },
    kill,
    async [Symbol.asyncDispose]() {
      if (!program.killed) kill();
      await program.exited;
      close();
    },
  };
}

function spawn(options: LocalTerminalOptions, onHangUp: () => void) {
  try {
    return Bun.spawn([...options.command], {
      env: { ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.controlGroup === undefined ? {} : { cgroup: options.controlGroup }),
      terminal: {
        data: (_terminal, bytes) => options.onData(bytes),
        exit: onHangUp,
      },
    });
  } catch (error) {
    throw new AgentError(
      "TERMINAL_FAILED",
      `cannot start "${options.command[0]}" in a terminal: ${toMessage(error)}`,
      { cause: error },
    );
  }
}
