import type Docker from "dockerode";
import type { Terminal, TerminalOptions } from "signalman/executor";
import type { Engine } from "../engine/engine.ts";

/** The terminal of a container's first process. */
export interface ContainerTerminal extends Terminal {
  /** Called after each command: see `settle` of `Terminal`. */
  onSettle: (() => void) | undefined;
  /** Sends SIGKILL to the container's first process, which ends all others. Failures are ignored. */
  kill(): void;
}

/** Attaches to a container and then starts it, so that no output is lost. */
export async function openContainerTerminal(
  engine: Engine,
  container: Docker.Container,
  onData: TerminalOptions["onData"],
): Promise<ContainerTerminal> {
  const stream = await engine.call(
    "attach to the job's container",
    container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true }),
  );
  const { ended, write, close } = relayStream(stream, onData);
  const terminal: ContainerTerminal = {
    onSettle: undefined,
    ended,
    write,
    settle: () => terminal.onSettle?.(),
    kill: () => void container.kill({ signal: "SIGKILL" }).catch(() => {}),
    [Symbol.asyncDispose]: async () => close(),
  };
  try {
    await engine.call("start the job's container", container.start());
  } catch (error) {
    await terminal[Symbol.asyncDispose]();
    throw error;
  }
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
