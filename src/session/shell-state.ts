import type { Output } from "../core/contracts/job-log.ts";
import type { GapBuffer } from "./gap.ts";
import type { Marker } from "./markers.ts";
import type { NoiseFilter } from "./noise.ts";
import { recoveryLine, toParkedStreams, type ParkedStreams } from "./shell-text.ts";
import type { Terminal } from "./terminal.ts";

/** A command that was sent to the shell. */
export interface RunningCommand {
  readonly nonce: string;
  readonly output: Output;
  readonly silent: boolean;
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
  /** Nonce of the first line. */
  readonly boot: string;
  readonly gap: GapBuffer;
  readonly noise: NoiseFilter;
  readonly booted: PromiseWithResolvers<void>;
  readonly ended: PromiseWithResolvers<void>;
  isAlive: boolean;
  exitCode: number | undefined;
  /** `undefined` until the login profile has finished. */
  streams: ParkedStreams | undefined;
  running: RunningCommand | undefined;
  /**
   * The last two commands: the prompt's marker of a command may arrive when the next one was sent already.
   */
  nonces: readonly string[];
  /** The end of the login profile's output. */
  profileTail: Buffer;
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

export function handleMarker(state: ShellState, { nonce, kind, fields }: Marker, terminal: Terminal): void {
  const { running, noise } = state;
  if (kind === "X" && nonce === state.holder) {
    state.exitCode = Number(fields[0]);
    endShell(state);
  } else if (kind === "E") {
    state.streams = toParkedStreams(fields);
    if (nonce === state.boot) noise.flush(() => {});
    terminal.settle?.();
    if (nonce === state.boot) state.booted.resolve();
    else if (nonce === running?.nonce) finishCommand(state, running.abortedWith ?? Number(fields[0]));
  } else if (running !== undefined && nonce === running.nonce) {
    if (kind === "S") beginCommand(state, running);
    else if (kind === "P" && running.started && running.abortedWith === undefined) {
      running.abortedWith = Number(fields[0]);
      terminal.write(recoveryLine(nonce));
    }
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

/** Passes on the output that the noise filter holds back. */
export function flushNoise(state: ShellState): void {
  const { noise, running, gap } = state;
  if (state.streams === undefined) noise.flush((output) => keepTail(state, output));
  else noise.flush(running?.started ? running.output : gap.push);
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
}

function keepTail(state: ShellState, bytes: Uint8Array): void {
  state.profileTail = Buffer.concat([state.profileTail, bytes]).subarray(-tailBytes);
}

const tailBytes = 4096;
