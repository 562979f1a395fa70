import type { Output } from "../../core/contracts/job-log.ts";
import { AgentError } from "../../core/errors.ts";
import type { Keeping } from "./keeping.ts";
import type { RunningCommand, ShellState } from "./shell-state.ts";
import { commandLine, parkedLine } from "./shell-text.ts";
import type { Terminal } from "./terminal.ts";

export interface CommandOptions {
  readonly text: string;
  readonly output: Output;
  readonly silent: boolean;
  readonly isParked?: boolean;
  /** An earlier process of the job may have typed it. */
  readonly continues?: boolean;
  /** Stores the text where the shell can read it; resolves to its path there. */
  readonly putCommand: (text: string) => string | Promise<string>;
  /** Left out: the session ends with this process. */
  readonly keeping: Keeping | undefined;
}

/** Runs a command in the shell, or follows one that an earlier process has typed. */
export async function runCommand(
  state: ShellState,
  terminal: Terminal,
  options: CommandOptions,
): Promise<number> {
  const { text, output, silent, isParked = false, continues = false, putCommand, keeping } = options;
  if (keeping?.isLeft) {
    const attached = await keeping.follow(continues ? output : undefined);
    if (attached !== undefined) return attached;
  }
  if (state.running) throw new AgentError("SESSION_FAILED", "another command is running in this session");
  if (state.failure) throw state.failure;
  if (!state.isAlive) {
    if (!silent) state.gap.drain(output);
    return 1;
  }
  const line = ++state.commands;
  const done = Promise.withResolvers<number>();
  const command: RunningCommand = { line, output, silent, isParked, started: false, done };
  state.running = command;
  try {
    const path = await putCommand(text);
    const { isAlive, streams } = state;
    // If the shell has exited meanwhile, the command is finished already.
    if (isAlive && streams) {
      const typed = isParked ? parkedLine(line, path, streams) : commandLine(line, path, streams);
      state.noise.expect({ echo: typed, trace: !isParked && streams.flags.includes("x") ? path : undefined });
      keeping?.typing(line, isParked ? "parked" : silent ? "silent" : "shown", path);
      terminal.write(typed);
    }
  } catch (error) {
    state.running = undefined;
    throw error;
  }
  return done.promise;
}
