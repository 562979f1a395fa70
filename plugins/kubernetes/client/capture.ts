import { createTextStart, onAbort } from "signalman";
import type { Client } from "./client.ts";
import { type ExecEnd, startExec } from "./exec.ts";

const maxBytes = 1024 * 1024;

export interface CaptureOptions {
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Runs a command in a container and resolves to its output. After 1 MiB of output, the connection is closed.
 */
export async function capture(
  client: Client,
  options: CaptureOptions,
): Promise<{ readonly end: ExecEnd; readonly stdout: string }> {
  const { signal, ...rest } = options;
  const output = createTextStart(maxBytes);
  signal?.throwIfAborted();
  const exec = await startExec(client, {
    ...rest,
    onStdout(bytes) {
      output.add(bytes);
      if (output.isCut) exec.close();
    },
  });
  using _listener = onAbort(signal, () => exec.close());
  const end = await exec.ended;
  signal?.throwIfAborted();
  return { end, stdout: output.text };
}
