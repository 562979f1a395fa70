import { createRenderer, hasColour, isAgentError } from "signalman";
import type { JobView } from "../view.ts";
import type { Client } from "./client.ts";

export interface ShowOptions {
  readonly isFollowing: boolean;
  /** Events as they were pushed, in place of what a person reads. */
  readonly json: boolean;
}

const exitCodes = { passed: 0, failed: 1, stopped: 130 } as const;

/** So long a hub may be away while its log is followed. */
const patienceMs = 60_000;

/** Shows a job's log, to its end when it is followed, and answers with the job. */
export async function showLog(
  client: Client,
  id: string,
  { isFollowing, json }: ShowOptions,
): Promise<JobView> {
  const tty = process.stdout.isTTY && !json;
  let text = "";
  const renderer = json
    ? undefined
    : createRenderer({ output: (more) => (text += more), tty, colour: hasColour(tty) });
  const flush = async (): Promise<void> => {
    const shown = text;
    text = "";
    if (shown !== "") await write(shown);
  };
  await readLines(client, id, isFollowing, async (lines) => {
    if (renderer === undefined) return write(lines);
    renderer.push(lines);
    await flush();
  });
  const job = await client.call<JobView>("GET", `/jobs/${id}`);
  if (job.isDone) renderer?.end();
  if (!json && job.reason !== undefined) text += `${job.result}: ${job.reason}\n`;
  await flush();
  return job;
}

/** As `signalman run` ends. */
export function toExitCode({ result }: JobView): number {
  return result === undefined ? 0 : exitCodes[result];
}

/** Whole lines, each once, also over connections that break. */
async function readLines(
  client: Client,
  id: string,
  isFollowing: boolean,
  show: (lines: Uint8Array) => Promise<void>,
): Promise<void> {
  let from = 0;
  let lostAt: number | undefined;
  for (;;) {
    try {
      let rest = Buffer.alloc(0);
      for await (const piece of await client.stream(
        `/jobs/${id}/log?from=${from}${isFollowing ? "&follow" : ""}`,
      )) {
        lostAt = undefined;
        const bytes = Buffer.concat([rest, piece]);
        const end = bytes.lastIndexOf(10) + 1;
        rest = bytes.subarray(end);
        from += countLines(bytes.subarray(0, end));
        if (end > 0) await show(bytes.subarray(0, end));
      }
      return;
    } catch (error) {
      lostAt ??= Date.now();
      if (!isFollowing || isAgentError(error, "USAGE_INVALID") || Date.now() - lostAt > patienceMs)
        throw error;
      await Bun.sleep(250);
    }
  }
}

/** Resolves when it has left: a pipe takes it at its reader's pace, and what has not left when we exit is lost. */
function write(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}
