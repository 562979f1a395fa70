import { createBoundedLineReader } from "signalman/executor";
import type { Client } from "../client/client.ts";
import { type ExecEnd, startExec } from "../client/exec.ts";
import script from "./bridge.sh" with { type: "text" };

export interface BridgeOptions {
  readonly client: Client;
  readonly pod: string;
  readonly container: string;
  /** Number of bytes of the output that have arrived before. */
  readonly offset: number;
  /** Gets the output from there on. The bytes are only valid during the call. */
  readonly onOutput: (bytes: Uint8Array) => void;
  /** Gets a line of the far side: `hello`, `ack <number>`, `ended <bytes>`. */
  readonly onLine: (line: string) => void;
  /** Gets the reason when the far side does not follow the protocol. The connection is closed then. */
  readonly onFault: (reason: string) => void;
}

/** One connection to the session in a pod. */
export interface Bridge {
  /** Never rejects. */
  readonly ended: Promise<ExecEnd>;
  /** Sends a line. */
  write(line: Uint8Array): void;
  close(): void;
}

/** A connection that has been silent for this long is dead: the far side answers every beat. */
const silenceMs = 40_000;
/** Also keeps load balancers from closing an idle connection. */
const beatMs = 10_000;
/** No line of the protocol is longer; programs in the pod may write anything. */
const lineBytes = 64 * 1024;
const beat = Buffer.from("beat\n");

export async function openBridge(options: BridgeOptions): Promise<Bridge> {
  const { client, pod, container, offset, onOutput } = options;
  let heardAt = performance.now();
  const exec = await startExec(client, {
    pod,
    container,
    command: ["bash", "-c", script, "signalman-bridge", String(offset)],
    onStdout(bytes) {
      heardAt = performance.now();
      onOutput(bytes);
    },
    onStderr(bytes) {
      heardAt = performance.now();
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
    if (performance.now() - heardAt > silenceMs) exec.close();
    else exec.write(beat);
  }, beatMs);
  return {
    ended: exec.ended.finally(() => clearInterval(timer)),
    write: (line) => exec.write(line),
    close: () => exec.close(),
  };
}
