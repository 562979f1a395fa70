import type { Client } from "./client.ts";
import { type ExecEnd, startExec } from "./exec.ts";

export interface CaptureOptions {
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly signal?: AbortSignal;
}

/** Runs a command in a container to its end and resolves to its output. */
export async function capture(
  client: Client,
  options: CaptureOptions,
): Promise<{ readonly end: ExecEnd; readonly stdout: string }> {
  const { signal, ...rest } = options;
  const chunks: Buffer[] = [];
  signal?.throwIfAborted();
  const exec = await startExec(client, {
    ...rest,
    onStdout: (bytes) => void chunks.push(Buffer.from(bytes)),
  });
  const stop = () => exec.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const end = await exec.ended;
    signal?.throwIfAborted();
    return { end, stdout: Buffer.concat(chunks).toString() };
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
