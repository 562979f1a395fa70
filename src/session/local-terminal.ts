import { setTimeout as sleep } from "node:timers/promises";
import { AgentError, toMessage } from "../errors.ts";
import type { Terminal, TerminalOptions } from "./terminal.ts";

export interface LocalTerminalOptions extends TerminalOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A pseudo-terminal on this host. `pid` leads its session. */
export interface LocalTerminal extends Terminal {
  readonly pid: number;
}

const ICANON = 0x2;
const hangUpMs = 200;

/** Opens a pseudo-terminal with a program in it. */
export function openLocalTerminal(options: LocalTerminalOptions): LocalTerminal {
  const hungUp = Promise.withResolvers<void>();
  const process = spawn(options, hungUp.resolve);
  const { terminal } = process;
  if (!terminal) throw new AgentError("TERMINAL_FAILED", "no pseudo-terminal can be had on this system");
  let closed = false;

  const close = () => {
    if (closed) return;
    closed = true;
    terminal.close();
    hungUp.resolve();
  };

  return {
    pid: process.pid,
    // The end of the program alone says nothing about its last bytes: the hang-up comes after them. Sometimes none comes, and the
    // terminal, which the kernel has emptied, keeps the event loop busy instead.
    ended: process.exited.then(() => Promise.race([hungUp.promise, sleep(hangUpMs)])).then(close),
    write(line) {
      if (!closed && !terminal.closed) terminal.write(line);
    },
    settle() {
      if (closed || terminal.closed || (terminal.localFlags & ICANON) !== 0) return;
      terminal.localFlags |= ICANON;
    },
    kill() {
      process.kill("SIGKILL");
    },
    async [Symbol.asyncDispose]() {
      if (!process.killed && process.exitCode === null && process.signalCode === null)
        process.kill("SIGKILL");
      await process.exited;
      close();
    },
  };
}

function spawn(options: LocalTerminalOptions, onHangUp: () => void) {
  try {
    return Bun.spawn([...options.command], {
      env: { ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
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
