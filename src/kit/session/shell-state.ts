import type { Output } from "../../core/contracts/job-log.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { createGapBuffer, type GapBuffer } from "./gap.ts";
import type { LeftSession } from "./left-session.ts";
import { createNonce, type Marker } from "./markers.ts";
import { createNoiseFilter, type NoiseFilter } from "./noise.ts";
import {
  bootNumber,
  parkedRecoveryLine,
  type ParkedStreams,
  recoveryLine,
  toParkedStreams,
} from "./shell-text.ts";
import type { Terminal } from "./terminal.ts";

/** A command that was sent to the shell. */
export interface RunningCommand {
  /** Counts the commands of the session, from 1. */
  readonly line: number;
  output: Output;
  readonly silent: boolean;
  /** Whether the job's streams stay parked. */
  readonly isParked: boolean;
  /** An earlier process has typed it. */
  readonly isReplayed?: boolean;
  /** That process has also typed its recovery line. */
  readonly hasRecovered?: boolean;
  /** Whether its start marker has arrived. */
  started: boolean;
  /** Exit code of a command that an interrupt aborted: the shell is back at its prompt. */
  abortedWith?: number;
  readonly done: PromiseWithResolvers<number>;
}

/** The state of a session's shell, as its markers report it. */
export interface ShellState {
  /** Nonce of the holder, which reports the end of the shell. */
  readonly holder: string;
  /** Nonce of the shell's own markers. */
  readonly nonce: string;
  readonly gap: GapBuffer;
  readonly noise: NoiseFilter;
  readonly booted: PromiseWithResolvers<void>;
  readonly ended: PromiseWithResolvers<void>;
  isAlive: boolean;
  /** Why the session ended before its shell; each command rejects with it. */
  failure: AgentError | undefined;
  exitCode: number | undefined;
  /** `undefined` until the login profile has finished. */
  streams: ParkedStreams | undefined;
  running: RunningCommand | undefined;
  /** Number of commands that were sent. */
  commands: number;
  /** Called when a command has ended, before anything that follows it is read. */
  onCommandEnd: (() => void) | undefined;
  /** Called when a shown command has ended in the shell, and when the shell is ready. */
  onBase: ((line: number, streams: ParkedStreams) => void) | undefined;
  /** Called before a recovery line is typed. */
  onRecovery: ((line: number) => void) | undefined;
  /** The end of the login profile's output. */
  profileTail: Buffer;
}

/** @param left the session that is continued: its shell is ready. */
export function createShellState(overflow: string, left: LeftSession | undefined): ShellState {
  const booted = Promise.withResolvers<void>();
  // A session may fail before the start waits for it.
  booted.promise.catch(() => {});
  return {
    holder: left?.opened.holder ?? createNonce(),
    nonce: left?.opened.nonce ?? createNonce(),
    gap: createGapBuffer(overflow),
    noise: createNoiseFilter(),
    booted,
    ended: Promise.withResolvers(),
    isAlive: true,
    failure: undefined,
    exitCode: undefined,
    streams: left && (left.checkpoint?.streams ?? left.base.streams),
    running: undefined,
    commands: left?.lastLine ?? 0,
    onCommandEnd: undefined,
    onBase: undefined,
    onRecovery: undefined,
    profileTail: Buffer.alloc(0),
  };
}

/**
 * Passes output on: to the running command, to the gap between two commands, or to the tail of the login
 * profile.
 */
export function routeOutput(state: ShellState, bytes: Uint8Array): void {
  const { noise, running } = state;
  if (state.streams === undefined) noise.between(bytes, (output) => keepTail(state, output));
  else if (running?.started) noise.inCommand(bytes, running.output);
  else noise.between(bytes, state.gap.push);
}

/**
 * Markers of a line that is neither the first nor the running one are ignored: they arrive after an
 * interrupt, or are repeated by the job.
 */
export function handleMarker(state: ShellState, { nonce, kind, fields }: Marker, terminal: Terminal): void {
  const { running } = state;
  if (kind === "X" && nonce === state.holder) {
    state.exitCode = Number(fields[0]);
    endShell(state);
  }
  if (nonce !== state.nonce) return;
  const line = Number(fields[0]);
  if (kind === "E" && line === bootNumber && state.streams === undefined) finishBoot(state, fields, terminal);
  if (running === undefined || line !== running.line) return;
  if (kind === "S") beginCommand(state, running);
  else if (kind === "E" && running.started) {
    state.streams = toParkedStreams(fields);
    // A line that was typed later may be running.
    if (!running.isReplayed) terminal.settle?.();
    if (!running.silent) state.onBase?.(line, state.streams);
    finishCommand(state, running.abortedWith ?? Number(fields[1]));
  } else if (kind === "P" && running.started && running.abortedWith === undefined) {
    running.abortedWith = Number(fields[1]);
    if (running.hasRecovered) return;
    state.onRecovery?.(line);
    const isParked = running.isParked && state.streams;
    terminal.write(isParked ? parkedRecoveryLine(line, isParked) : recoveryLine(line));
  }
}

/** Marks the shell as dead. Its last output goes to the running command before that command ends. */
export function endShell(state: ShellState): void {
  if (!state.isAlive) return;
  state.isAlive = false;
  flushNoise(state);
  const { running, gap } = state;
  if (running && !running.started && !running.silent) gap.drain(running.output);
  finishCommand(state, 1);
  state.ended.resolve();
}

/**
 * Ends the session, since its output cannot be passed on: an error of the terminal's callback would be
 * reported to no command, and the lost markers would leave the running one without an end.
 */
export function failShell(state: ShellState, error: unknown): void {
  if (state.failure) return;
  const { running } = state;
  state.failure = new AgentError(
    "SESSION_FAILED",
    `the output of the job's shell cannot be processed: ${toMessage(error)}`,
    { cause: error },
  );
  state.isAlive = false;
  state.running = undefined;
  // The caller may still be storing the command's text, and awaits this later.
  running?.done.promise.catch(() => {});
  running?.done.reject(state.failure);
  state.booted.reject(state.failure);
  state.ended.resolve();
}

/** Passes on the output that the noise filter holds back. */
export function flushNoise(state: ShellState): void {
  const { noise, running, gap } = state;
  if (state.streams === undefined) noise.flush((output) => keepTail(state, output));
  else noise.flush(running?.started ? running.output : gap.push);
}

function finishBoot(state: ShellState, fields: readonly string[], terminal: Terminal): void {
  state.streams = toParkedStreams(fields);
  state.noise.flush(() => {});
  terminal.settle?.();
  state.onBase?.(bootNumber, state.streams);
  state.booted.resolve();
}

function beginCommand({ noise, gap }: ShellState, command: RunningCommand): void {
  noise.flush(gap.push);
  if (!command.silent) gap.drain(command.output);
  command.started = true;
}

function finishCommand(state: ShellState, code: number): void {
  const { running: command, noise, gap } = state;
  if (command === undefined) return;
  noise.flush(command.started || !command.silent ? command.output : gap.push);
  state.running = undefined;
  command.done.resolve(code);
  if (state.isAlive) state.onCommandEnd?.();
}

function keepTail(state: ShellState, bytes: Uint8Array): void {
  state.profileTail = Buffer.concat([state.profileTail, bytes]).subarray(-tailBytes);
}

const tailBytes = 4096;
