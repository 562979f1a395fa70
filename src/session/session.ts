import { AgentError } from "../core/errors.ts";
import type { Output } from "../core/contracts/job-log.ts";
import { createGapBuffer } from "./gap.ts";
import { createMarkerScanner, createNonce, type Marker } from "./markers.ts";
import { createNoiseFilter } from "./noise.ts";
import {
  bootLine,
  commandLine,
  holderCommand,
  recoveryLine,
  toParkedStreams,
  type ParkedStreams,
} from "./shell-text.ts";
import type { OpenTerminal, Terminal } from "./terminal.ts";

export interface SessionOptions<T extends Terminal> {
  readonly open: OpenTerminal<T>;
  /** Puts a command's text where the session's shell can read it, and nobody else; resolves to its path there. */
  readonly putCommand: (text: string) => string | Promise<string>;
  /** A path on this host, private to the job, for what does not fit into memory. */
  readonly overflow: string;
  readonly size: { readonly rows: number; readonly columns: number };
  /** How long the login profile may take. */
  readonly startTimeoutMs: number;
}

/**
 * One login bash in one terminal (protocol section 6.2). State (directory, variables, functions, options) is kept from command to
 * command, because each one is sourced.
 *
 * `run` resolves to the exit code: 1 when the shell died, also for every later command. One at a time. What came between two commands
 * opens the output of the next one that is not `silent`. `close` ends the terminal; what runs then resolves to 1.
 */
export interface Session<T extends Terminal = Terminal> extends AsyncDisposable {
  readonly terminal: T;
  /** Resolves when the shell is gone and its last byte was delivered. */
  readonly ended: Promise<void>;
  readonly alive: boolean;
  /** Of the shell, where it runs. The terminal is led by its parent. */
  readonly shellPid: number;
  /** How the shell ended, 128 + n by a signal; `undefined` while it lives, and when it could not be told. */
  readonly exitCode: number | undefined;
  /** Bytes that came after the last command. */
  readonly pendingBytes: number;
  run(text: string, output: Output, options?: { silent?: boolean }): Promise<number>;
  close(): Promise<void>;
}

interface Running {
  readonly nonce: string;
  readonly output: Output;
  readonly silent: boolean;
  started: boolean;
  /** Set once the shell was thrown back to its prompt. */
  abortedWith?: number;
  readonly done: PromiseWithResolvers<number>;
}

/** Opens a terminal, starts the shell and waits until its login profile is through. Rejects with `SESSION_FAILED`. */
export async function createSession<T extends Terminal>(
  options: SessionOptions<T>,
  signal: AbortSignal,
): Promise<Session<T>> {
  const holder = createNonce();
  const boot = createNonce();
  const gap = createGapBuffer(options.overflow);
  const noise = createNoiseFilter();
  const ended = Promise.withResolvers<void>();
  const booted = Promise.withResolvers<void>();
  let profileTail = Buffer.alloc(0);
  let streams: ParkedStreams | undefined;
  let running: Running | undefined;
  // The prompt's marker of a command may come when the next one was already sent.
  let nonces: readonly string[] = [];
  let alive = true;
  let exitCode: number | undefined;

  const scanner = createMarkerScanner({
    isOurs: (nonce) => nonce === holder || nonce === boot || nonces.includes(nonce),
    onOutput(bytes) {
      if (streams === undefined) noise.between(bytes, keepTail);
      else if (running?.started) noise.inCommand(bytes, running.output);
      else noise.between(bytes, gap.push);
    },
    onMarker,
  });

  function keepTail(bytes: Uint8Array) {
    profileTail = Buffer.concat([profileTail, bytes]).subarray(-4096);
  }

  function onMarker({ nonce, kind, fields }: Marker) {
    if (kind === "X" && nonce === holder) {
      exitCode = Number(fields[0]);
      return end();
    }
    if (kind === "E") {
      streams = toParkedStreams(fields);
      if (nonce === boot) noise.flush(() => {});
      terminal.settle?.();
      if (nonce === boot) booted.resolve();
      else if (nonce === running?.nonce) finish(running.abortedWith ?? Number(fields[0]));
    } else if (running && nonce === running.nonce) {
      if (kind === "S") begin(running);
      else if (kind === "P" && running.started && running.abortedWith === undefined) {
        running.abortedWith = Number(fields[0]);
        session.terminal.write(recoveryLine(running.nonce));
      }
    }
  }

  function begin(command: Running) {
    noise.flush(gap.push);
    if (!command.silent) gap.drain(command.output);
    command.started = true;
  }

  function finish(code: number) {
    const command = running;
    if (!command) return;
    noise.flush(command.started || !command.silent ? command.output : gap.push);
    running = undefined;
    command.done.resolve(code);
  }

  /** The shell is gone. What it wrote last is with its command before that command ends. */
  function end() {
    if (!alive) return;
    alive = false;
    scanner.flush();
    if (streams === undefined) noise.flush(keepTail);
    else noise.flush(running?.started ? running.output : gap.push);
    if (running && !running.started && !running.silent) gap.drain(running.output);
    finish(1);
    ended.resolve();
  }

  const terminal = await options.open({
    command: holderCommand(holder, options.size),
    onData: (bytes) => scanner.push(bytes),
  });
  void terminal.ended.then(end);

  const session: Session<T> = {
    terminal,
    ended: ended.promise,
    get alive() {
      return alive;
    },
    get shellPid() {
      return streams?.pid ?? 0;
    },
    get exitCode() {
      return exitCode;
    },
    get pendingBytes() {
      return gap.byteLength;
    },
    async run(text, output, { silent = false } = {}) {
      if (running) throw new AgentError("SESSION_FAILED", "a command runs in this session already");
      if (!alive) {
        if (!silent) gap.drain(output);
        return 1;
      }
      const nonce = createNonce();
      const command: Running = { nonce, output, silent, started: false, done: Promise.withResolvers() };
      running = command;
      nonces = [...nonces.slice(-1), nonce];
      try {
        const path = await options.putCommand(text);
        // Ended meanwhile: `finish` has answered.
        if (alive && streams) {
          const line = commandLine(nonce, path, streams);
          noise.expect({ echo: line, trace: streams.flags.includes("x") ? path : undefined });
          terminal.write(line);
        }
      } catch (error) {
        running = undefined;
        throw error;
      }
      return command.done.promise;
    },
    async close() {
      await terminal[Symbol.asyncDispose]();
      end();
    },
    async [Symbol.asyncDispose]() {
      await session.close();
      gap[Symbol.dispose]();
    },
  };

  try {
    const line = bootLine(boot);
    noise.expect({ echo: line, trace: undefined });
    terminal.write(line);
    await waitForBoot(booted.promise, ended.promise, options.startTimeoutMs, signal, () => {
      noise.flush(keepTail);
      return profileTail;
    });
    return session;
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

async function waitForBoot(
  booted: Promise<void>,
  ended: Promise<void>,
  timeoutMs: number,
  signal: AbortSignal,
  profileTail: () => Buffer,
): Promise<void> {
  const stop = Promise.withResolvers<never>();
  const onAbort = () => stop.reject(signal.reason);
  const fail = (what: string) => {
    const said = Bun.stripANSI(profileTail().toString()).trim();
    stop.reject(new AgentError("SESSION_FAILED", said === "" ? what : `${what}; it said: ${said}`));
  };
  const timer = setTimeout(
    () =>
      fail(`the login shell was not ready after ${timeoutMs / 1000} s (is its profile waiting for input?)`),
    timeoutMs,
  );
  signal.addEventListener("abort", onAbort, { once: true });
  void ended.then(() => fail("the login shell ended before it was ready"));
  try {
    if (signal.aborted) onAbort();
    await Promise.race([booted, stop.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    stop.promise.catch(() => {});
  }
}
