import type { Exchange } from "signalman/http";
import type { HostedAgent } from "./hosted-agent.ts";
import { plainText, sendMessage } from "./answers.ts";

/**
 * `GET /jobs/{id}/log?start_from=N`: the events of the job's log from index N on, one a line (protocol
 * section 8.3).
 */
export async function sendJobLog(exchange: Exchange, { job, logs }: HostedAgent): Promise<void> {
  const id = toId(exchange.path);
  if (job?.id !== id || job === undefined) {
    await sendMessage(exchange, job === undefined ? 404 : 403, `job ${id} is not running`);
    return;
  }
  const isArchivator = exchange.header("x-client-name") === "archivator";
  // An archivator that is faster than the answer to the callback must not miss the end of the log.
  if (isArchivator) await job.announced(archivatorWaitMs);
  const { isAnnounced } = job;
  const chunks = logs.read(id, toIndex(exchange.query.get("start_from"))) ?? [];
  const isComplete = await exchange.stream(200, isAnnounced ? chunks : withoutEnd(chunks), plainText);
  if (isComplete && isArchivator) job.archived();
}

const archivatorWaitMs = 5000;

function toId(path: string): string {
  const text = path.split("/")[2] ?? "";
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What is not a number is the beginning, as in the reference agent. */
function toIndex(text: string | null): number {
  return text !== null && /^\+?\d{1,15}$/.test(text) ? Number(text) : 0;
}

/**
 * Leaves out the event `job_finished`, which follows the callback `finished` (protocol section 6.1, point 8).
 */
function* withoutEnd(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  for (const chunk of chunks) {
    const start = chunk.lastIndexOf(newline, chunk.length - 2) + 1;
    const isEnd = Buffer.from(chunk.buffer, chunk.byteOffset + start, chunk.length - start).includes(
      finished,
    );
    yield isEnd && start > 0 ? chunk.subarray(0, start) : isEnd ? nothing : chunk;
  }
}

const newline = 0x0a;
const finished = Buffer.from('"event":"job_finished"');
const nothing = new Uint8Array();
