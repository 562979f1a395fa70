import { quote, type SideTerminal, type Terminal, type TerminalOptions } from "signalman/executor";
import type { Link } from "./link.ts";
import { toStep } from "./steps.ts";
import type { Client } from "../client/client.ts";
import { type Exec, startExec } from "../client/exec.ts";

/**
 * Opens a terminal that the pod's supervisor holds: it survives the loss of the connection. `isContinued`: an
 * earlier process of the job has started it.
 */
export function openHeldTerminal(link: Link, options: TerminalOptions, isContinued: boolean): Terminal {
  link.onData = options.onData;
  // `; :` keeps the surrounding shell running after the command: the kernel discards unread output when a
  // terminal's leader exits.
  if (!isContinued) link.send(toStep("start", `${options.command.map(quote).join(" ")}; :`));
  return {
    steps: { next: () => link.nextStep, begin: link.begin, keep: link.keep },
    ended: link.ended,
    write: (line) => link.send(toStep("type_line", line.replace(/\n$/, ""))),
    settle: () => link.send("settle"),
    kill: () => link.close(),
    async [Symbol.asyncDispose]() {
      link.close();
      await link.ended;
    },
  };
}

/** Opens a terminal that ends with its connection: for images without `script`, and for a shell beside the job's. */
export async function openPlainTerminal(
  client: Client,
  place: { readonly pod: string; readonly container: string },
  options: TerminalOptions & {
    /** Receives the reason when the connection was lost. */
    readonly onBroken: (reason: string) => void;
  },
): Promise<SideTerminal> {
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
    input: exec.write,
    resize: exec.resize,
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
