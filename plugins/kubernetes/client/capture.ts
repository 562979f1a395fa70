import { type Exec, type ExecEnd, startExec } from "./exec.ts";
import type { Client } from "./client.ts";

export interface CaptureOptions {
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  /** Sent to the command's standard input. */
  readonly input?: Uint8Array;
  readonly signal?: AbortSignal;
}

export interface Captured {
  readonly end: ExecEnd;
  readonly stdout: string;
}

const chunkBytes = 128 * 1024;
const bufferedBytes = 2 * 1024 * 1024;

/** Runs a command in a container to its end. */
export async function capture(client: Client, options: CaptureOptions): Promise<Captured> {
  const { input, signal, ...rest } = options;
  const chunks: Buffer[] = [];
  signal?.throwIfAborted();
  const exec = await startExec(client, {
    ...rest,
    onStdout: (bytes) => void chunks.push(Buffer.from(bytes)),
  });
  const stop = () => exec.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await exec.opened;
    if (input !== undefined) await send(exec, input);
    const end = await exec.ended;
    signal?.throwIfAborted();
    return { end, stdout: Buffer.concat(chunks).toString() };
  } finally {
    signal?.removeEventListener("abort", stop);
    exec.close();
  }
}

/** Sends the input piece by piece, no faster than it goes out. */
async function send(exec: Exec, input: Uint8Array): Promise<void> {
  for (let at = 0; at < input.length && exec.isOpen; at += chunkBytes) {
    exec.write(input.subarray(at, at + chunkBytes));
    while (exec.isOpen && exec.buffered > bufferedBytes) await Bun.sleep(2);
  }
}
