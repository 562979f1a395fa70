import { createBoundedLineReader } from "signalman/executor";
import type { Client } from "../client/client.ts";
import { type ExecEnd, startExec } from "../client/exec.ts";
import script from "./bridge.sh" with { type: "text" };

export interface BridgeOptions {
  readonly client: Client;
  readonly pod: string;
  readonly container: string;
  /** Number of output bytes that earlier connections have received. */
  readonly offset: number;
  /** Number of the job's process: a connection of an earlier one than the session's owner is refused. */
  readonly owner: number;
  /** Called before anything that was received is used. Does not return when the agent may no longer use it. */
  readonly onReceive?: () => void;
  /** Receives the output from the offset on. The bytes are only valid during the call. */
  readonly onOutput: (bytes: Uint8Array) => void;
  /** Receives the lines of the pod's helper: `hello`, `ack <number>`, `ended <bytes>`, `fenced`. */
  readonly onLine: (line: string) => void;
  /** Receives the reason when the helper violates the protocol and the connection was closed. */
  readonly onFault: (reason: string) => void;
}

/** One connection to the session in a pod, through a helper process (bridge.sh). */
export interface Bridge {
  /** Never rejects. */
  readonly ended: Promise<ExecEnd>;
  /** Sends a line. */
  write(line: Uint8Array): void;
  close(): void;
}

/** Silence after which a connection is closed as dead: the helper answers every beat. */
const silenceMs = 40_000;
/** Interval of beats, which also keep load balancers from closing an idle connection. */
const beatMs = 10_000;
/** Maximum length of a line. Bounded, because the helper may be replaced by the job. */
const lineBytes = 64 * 1024;
const beat = Buffer.from("beat\n");

export async function openBridge(options: BridgeOptions): Promise<Bridge> {
  const { client, pod, container, offset, owner, onOutput } = options;
  let receivedAt = performance.now();
  const receive = () => {
    options.onReceive?.();
    receivedAt = performance.now();
  };
  const exec = await startExec(client, {
    pod,
    container,
    command: ["bash", "-c", script, "signalman-bridge", String(offset), String(owner)],
    onStdout(bytes) {
      receive();
      onOutput(bytes);
    },
    onStderr(bytes) {
      receive();
      readLines(bytes);
    },
  });
  const readLines = createBoundedLineReader({
    maxBytes: lineBytes,
    onLine: options.onLine,
    onTooLong() {
      exec.close();
      options.onFault(`its helper sent a line of more than ${lineBytes} bytes`);
    },
  });
  const timer = setInterval(() => {
    if (performance.now() - receivedAt > silenceMs) exec.close();
    else exec.write(beat);
  }, beatMs);
  return {
    ended: exec.ended.finally(() => clearInterval(timer)),
    write: (line) => exec.write(line),
    close: () => exec.close(),
  };
}
