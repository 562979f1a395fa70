import {
  AgentError,
  createRenderer,
  hasColour,
  isAgentError,
  isInteractive,
  isTerminal,
  openStatusLine,
  toJsonText,
  toPrintable,
} from "signalman";
import type { JobView } from "../view.ts";
import type { Client } from "./client.ts";

export interface ShowOptions {
  /** Whether to wait for more events until the job is done. */
  readonly isFollowing: boolean;
  /** Whether to print events as they were pushed, instead of a rendered log. */
  readonly json: boolean;
}

const exitCodes = { passed: 0, failed: 1, stopped: 130 } as const;

/** Time for which a hub may be unreachable while a log is followed. */
const reconnectLimitMs = 60_000;

/** A hub keeps logs of this size, and an event is smaller. */
const maxLineBytes = 16 * 2 ** 20;

/** Prints a job's log and returns the job. */
export async function showLog(
  client: Client,
  id: string,
  { isFollowing, json }: ShowOptions,
): Promise<JobView> {
  const { stdout } = process;
  using statusLine = openStatusLine();
  let text = "";
  const renderer = json
    ? undefined
    : createRenderer({
        output: (part) => (text += part),
        tty: isInteractive(stdout),
        colour: hasColour(isTerminal(stdout)),
      });
  const flush = async (): Promise<void> => {
    const shown = text;
    text = "";
    if (shown !== "") await write(shown);
  };
  let hasStarted = false;
  const showState = (isConnected: boolean): void => {
    const block = renderer?.current();
    if (!isConnected) statusLine.show(`waiting for the hub at ${client.url}`);
    else if (block) statusLine.show(`running ${block.directive}`, { since: block.seenAt });
    else statusLine.show(hasStarted ? "waiting for the next command" : `waiting for the start of job ${id}`);
  };
  await readLines(client, { id, isFollowing, showState }, async (lines) => {
    hasStarted = true;
    if (renderer === undefined)
      return write(isTerminal(stdout) ? toJsonText(new TextDecoder().decode(lines)) : lines);
    renderer.push(lines);
    await flush();
    showState(true);
  });
  statusLine.show(undefined);
  const job = await client.call<JobView>("GET", `/jobs/${id}`);
  if (job.isDone) renderer?.end();
  if (!json && job.reason !== undefined) text += `${toPrintable(`${job.result}: ${job.reason}`)}\n`;
  await flush();
  return job;
}

/** Returns the exit status that `signalman run` has for this result. */
export function toExitCode({ result }: JobView): number {
  return result === undefined ? 0 : exitCodes[result];
}

interface ReadOptions extends Pick<ShowOptions, "isFollowing"> {
  readonly id: string;
  /** Shows what is awaited. */
  readonly showState: (isConnected: boolean) => void;
}

/** Passes each complete line to `show` exactly once, and reconnects when the connection breaks. */
async function readLines(
  client: Client,
  { id, isFollowing, showState }: ReadOptions,
  show: (lines: Uint8Array) => Promise<void>,
): Promise<void> {
  let from = 0;
  let lostAt: number | undefined;
  let isTooLong = false;
  for (;;) {
    try {
      let rest = Buffer.alloc(0);
      const query = `from=${from}${isFollowing ? "&follow" : ""}`;
      const pieces = await client.stream(`/jobs/${id}/log?${query}`);
      if (isFollowing) showState(true);
      for await (const piece of pieces) {
        lostAt = undefined;
        const bytes = Buffer.concat([rest, piece]);
        const end = bytes.lastIndexOf(10) + 1;
        rest = bytes.subarray(end);
        from += countLines(bytes.subarray(0, end));
        if (end > 0) await show(bytes.subarray(0, end));
        isTooLong = rest.length > maxLineBytes;
        if (isTooLong)
          throw new AgentError("CONTROL_PLANE_FAILED", `${client.url} sent a line of more than 16 MiB`);
      }
      return;
    } catch (error) {
      lostAt ??= Date.now();
      const isFinal = isTooLong || isAgentError(error, "USAGE_INVALID");
      if (!isFollowing || isFinal || Date.now() - lostAt > reconnectLimitMs) throw error;
      showState(false);
      await Bun.sleep(250);
    }
  }
}

/** Resolves when the text is written: unwritten text is lost at exit, and a pipe may be slow. */
function write(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}
