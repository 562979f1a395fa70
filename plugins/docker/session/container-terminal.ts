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
  const ended = Promise.withResolvers<void>();
  const stream = await engine.call(
    "attach to the job's container",
    container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true }),
  );
  let isOpen = true;
  const end = () => {
    isOpen = false;
    ended.resolve();
  };
  stream.on("data", onData);
  stream.on("end", end);
  stream.on("close", end);
  stream.on("error", end);
  const terminal: ContainerTerminal = {
    onSettle: undefined,
    ended: ended.promise,
    write(line) {
      if (isOpen) stream.write(line);
    },
    settle: () => terminal.onSettle?.(),
    kill: () => void container.kill({ signal: "SIGKILL" }).catch(() => {}),
    async [Symbol.asyncDispose]() {
      isOpen = false;
      (stream as NodeJS.ReadWriteStream & { destroy(): void }).destroy();
      ended.resolve();
    },
  };
  try {
    await engine.call("start the job's container", container.start());
  } catch (error) {
    await terminal[Symbol.asyncDispose]();
    throw error;
  }
  return terminal;
}
