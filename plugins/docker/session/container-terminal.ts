import type Docker from "dockerode";
import {
  openRecording,
  type Recorder,
  type RecorderHandle,
  type Recording,
  type Terminal,
  type TerminalOptions,
  type TerminalSteps,
} from "signalman/executor";
import type { Engine } from "../engine/engine.ts";

/** The terminal of a container's first process. */
export interface ContainerTerminal extends Terminal {
  /** Called after each command: see `settle` of `Terminal`. */
  onSettle: (() => void) | undefined;
  /** Sends SIGKILL to the container's first process, which ends all others. Failures are ignored. */
  kill(): void;
}

/**
 * Attaches to a container and then starts it, so that no output is lost. `recording` resolves to what records the
 * output from its first byte on; to `undefined` when the session ends with this process.
 */
export async function openContainerTerminal(
  engine: Engine,
  container: Docker.Container,
  { onData, recording }: Pick<TerminalOptions, "onData"> & { recording: Promise<Recorder | undefined> },
): Promise<ContainerTerminal> {
  const stream = await engine.call(
    "attach to the job's container",
    container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true }),
  );
  const { ended, write, close } = relayStream(stream, onData);
  const recorder = await recording;
  const terminal = createTerminal(container, {
    ended,
    write,
    firstStep: 1,
    ...(recorder && { steps: { begin() {}, keep: (offset) => recorder.keep(offset) } }),
    close: async () => close(),
  });
  try {
    await engine.call("start the job's container", container.start());
  } catch (error) {
    await terminal[Symbol.asyncDispose]();
    throw error;
  }
  return terminal;
}

/**
 * Connects to the terminal of a container that an earlier process of the job has started. Its output is read from
 * the offset on, once the terminal's steps have begun.
 */
export async function openLeftTerminal(
  engine: Engine,
  container: Docker.Container,
  options: Pick<TerminalOptions, "onData"> & {
    readonly recorder: RecorderHandle;
    readonly offset: number;
    /** Number of the next step. */
    readonly step: number;
  },
): Promise<ContainerTerminal> {
  const { recorder, offset, onData } = options;
  const stream = await engine.call(
    "attach to the job's container",
    container.attach({ stream: true, hijack: true, stdin: true, stdout: false, stderr: false }),
  );
  const { write, close } = relayStream(stream, () => {});
  const ended = Promise.withResolvers<void>();
  let recording: Promise<Recording | undefined> | undefined;
  const open = async () => {
    try {
      const opened = await openRecording(recorder, offset, onData);
      void opened.ended.then(ended.resolve);
      return opened;
    } catch {
      ended.resolve();
      return undefined;
    }
  };
  return createTerminal(container, {
    ended: ended.promise,
    write,
    firstStep: options.step,
    steps: {
      begin: () => void (recording ??= open()),
      keep: (kept) => void recording?.then((each) => each?.keep(kept)),
    },
    async close() {
      close();
      const opened = await recording;
      opened?.end();
      opened?.[Symbol.dispose]();
      ended.resolve();
    },
  });
}

/** Each line is a step. */
function createTerminal(
  container: Docker.Container,
  {
    ended,
    write,
    firstStep,
    steps,
    close,
  }: {
    readonly ended: Promise<void>;
    readonly write: (line: string) => void;
    readonly firstStep: number;
    readonly steps?: Omit<TerminalSteps, "next">;
    readonly close: () => Promise<void>;
  },
): ContainerTerminal {
  let step = firstStep;
  const terminal: ContainerTerminal = {
    onSettle: undefined,
    ended,
    write(line) {
      step += 1;
      write(line);
    },
    ...(steps && { steps: { ...steps, next: () => step } }),
    settle: () => terminal.onSettle?.(),
    kill: () => void container.kill({ signal: "SIGKILL" }).catch(() => {}),
    [Symbol.asyncDispose]: close,
  };
  return terminal;
}

/** Passes the output of a terminal's connection on. `ended` resolves when the connection has ended. */
export function relayStream(
  stream: NodeJS.ReadWriteStream,
  onData: TerminalOptions["onData"],
): {
  readonly ended: Promise<void>;
  readonly write: (input: string | Uint8Array) => void;
  readonly close: () => void;
} {
  const ended = Promise.withResolvers<void>();
  let isOpen = true;
  const end = () => {
    isOpen = false;
    ended.resolve();
  };
  stream.on("data", onData);
  for (const event of ["end", "close", "error"]) stream.on(event, end);
  return {
    ended: ended.promise,
    write(input) {
      if (isOpen) stream.write(input);
    },
    close() {
      end();
      (stream as NodeJS.ReadWriteStream & { destroy(): void }).destroy();
    },
  };
}
