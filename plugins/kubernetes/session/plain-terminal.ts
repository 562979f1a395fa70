import type { Terminal, TerminalOptions } from "signalman/executor";
import type { Client } from "../client/client.ts";
import { type Exec, startExec } from "../client/exec.ts";

/** Opens a terminal that ends with its connection, for images without `script`. */
export async function openPlainTerminal(
  client: Client,
  place: { readonly pod: string; readonly container: string },
  options: TerminalOptions & {
    /** Receives the reason when the connection was lost. */
    readonly onBroken: (reason: string) => void;
  },
): Promise<Terminal> {
  const exec = await startExec(client, {
    ...place,
    command: options.command,
    isTerminal: true,
    onStdout: options.onData,
  });
  await exec.opened;
  return {
    ended: awaitEnd(exec, options.onBroken),
    write: (line) => exec.write(Buffer.from(line)),
    kill: () => exec.close(),
    async [Symbol.asyncDispose]() {
      exec.close();
      await exec.ended;
    },
  };
}

async function awaitEnd({ ended }: Exec, onBroken: (reason: string) => void): Promise<void> {
  const end = await ended;
  if (end.kind === "broken")
    onBroken(
      `the connection to the pod was lost, and the image has no "script" to resume it: ${end.message}`,
    );
}
