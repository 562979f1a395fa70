import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type JobEvent, openSpool } from "signalman";
import { openHostFile } from "signalman/host";

/** Mode 0600; existing files are never overwritten. */
const fresh = { flags: "wx", mode: 0o600 } as const;

/** Writes a job's log as plain text: its directives and output. Resolves to the size in bytes. */
export async function writePlainText(spool: string, path: string, signal: AbortSignal): Promise<number> {
  await pipeline(readPlainText(spool), createWriteStream(path, fresh), { signal });
  return (await stat(path)).size;
}

export async function compress(path: string, target: string, signal: AbortSignal): Promise<void> {
  // The job may have replaced the text by a FIFO.
  const text = createReadStream("", { fd: openHostFile(path) });
  await pipeline(text, createGzip(), createWriteStream(target, fresh), { signal });
}

/** Reads the log in pieces of at most 256 KiB, or one event, because a piece is copied several times in memory. */
async function* readPlainText(spool: string): AsyncGenerator<Buffer> {
  const size = { maxBytes: 256 * 1024 };
  using reader = openSpool(spool);
  for (let batch = await reader.next(size); batch; batch = await reader.next(size)) {
    const lines = Buffer.from(batch.lines).toString().split("\n");
    const text = lines.map((line) => (line === "" ? "" : toText(line))).join("");
    if (text !== "") yield Buffer.from(text);
  }
}

function toText(line: string): string {
  const event = parse(line);
  if (event?.event === "cmd_started") return `${event.directive}\n`;
  if (event?.event === "cmd_output") return event.output;
  return event ? "" : "[a damaged line of the log is left out]\n";
}

function parse(line: string): JobEvent | undefined {
  try {
    return JSON.parse(line) as JobEvent;
  } catch {
    return undefined;
  }
}
