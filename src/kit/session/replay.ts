import type { Output } from "../../core/contracts/job-log.ts";
import type { TypedRecord } from "../../core/contracts/session-journal.ts";
import type { LeftSession } from "./left-session.ts";
import type { RunningCommand, ShellState } from "./shell-state.ts";
import { commandLine, parkedLine } from "./shell-text.ts";

/** The lines of a continued session that an earlier process had typed, until the output has passed them. */
export interface Replay {
  /** Resolves when the last of them has ended. Their output is dropped: it is in the log, or belongs to nothing. */
  readonly drained: Promise<void>;
  /**
   * Passes the output of the last line on, and resolves to its exit code. Returns `undefined` when it is not the
   * command of the job that had not ended. Called before the terminal is read.
   */
  attach(output: Output): Promise<number> | undefined;
}

/** Makes the state that of a shell which receives the lines, up to the last of them. */
export function replayLines(state: ShellState, { lines, recovered, checkpoint }: LeftSession): Replay {
  const commands = lines.map((record, at) => ({
    ...toCommand(record, state),
    isReplayed: at < lines.length - 1,
    hasRecovered: recovered.has(record.line),
  }));
  const last = commands.at(-1);
  const drained = Promise.withResolvers<void>();
  const waiting = checkpoint ? [] : [...lines.keys()];
  state.onCommandEnd = () => {
    const next = waiting.shift();
    state.running = next === undefined ? undefined : commands[next];
    if (next !== undefined) expectEcho(state, lines[next]!);
    else {
      state.onCommandEnd = undefined;
      drained.resolve();
    }
  };
  if (checkpoint && last) {
    last.started = true;
    state.running = last;
  } else state.onCommandEnd();
  const end = () => {
    last?.done.resolve(1);
    drained.resolve();
  };
  void state.ended.promise.then(end);
  return {
    drained: drained.promise,
    attach(output) {
      const record = lines.at(-1);
      if (!last || record?.kind !== "shown" || !record.isCurrent) return undefined;
      last.output = output;
      return last.done.promise;
    },
  };
}

function toCommand({ line, kind }: TypedRecord, state: ShellState): RunningCommand {
  const isParked = kind === "parked";
  const done = Promise.withResolvers<number>();
  done.promise.catch(() => {});
  return {
    line,
    // Copied, since the bytes are valid during the call only.
    output: isParked ? (chunk) => state.gap.push(Buffer.from(chunk as Uint8Array)) : () => {},
    silent: kind !== "shown",
    isParked,
    started: false,
    done,
  };
}

function expectEcho({ noise, streams }: ShellState, { kind, line, path }: TypedRecord): void {
  if (!streams) return;
  const isParked = kind === "parked";
  const echo = isParked ? parkedLine(line, path, streams) : commandLine(line, path, streams);
  noise.expect({ echo, trace: !isParked && streams.flags.includes("x") ? path : undefined });
}
