import { closeSync, fstatSync, readSync } from "node:fs";
import { openHostFile } from "signalman/host";
import type { Exchange } from "signalman/http";
import { plainText } from "./answers.ts";

/** The agent's log, as clients can read it. */
export interface AgentLog {
  readonly path: string;
  /** Maximum number of bytes of an answer. */
  readonly maxBytes: number;
}

/**
 * `GET /agent_logs`: the agent's log as it is now, or 404 (protocol section 8.3). A log larger than the limit
 * was made so by others, such as a job of the agent's user: its last bytes are sent.
 */
export async function readAgentLog(exchange: Exchange, { path, maxBytes }: AgentLog): Promise<void> {
  let fd: number;
  try {
    fd = openHostFile(path);
  } catch {
    await exchange.send(404, "");
    return;
  }
  try {
    await exchange.stream(200, readEnd(fd, maxBytes), plainText);
  } finally {
    closeSync(fd);
  }
}

/**
 * Returns the limit of an answer: the size at which the log is rotated, and 64 MiB at least; 1 GiB when it
 * never is.
 */
export function toMaxBytes(rotateBytes: number): number {
  return rotateBytes === 0 ? unrotatedBytes : Math.max(rotateBytes, leastBytes);
}

/** Reads up to the size that the file has now, in chunks that are read when they are asked for. */
function* readEnd(fd: number, maxBytes: number): Generator<Uint8Array> {
  const { size } = fstatSync(fd);
  for (let at = Math.max(0, size - maxBytes); at < size;) {
    const chunk = Buffer.allocUnsafeSlow(Math.min(chunkBytes, size - at));
    const count = readSync(fd, chunk, 0, chunk.length, at);
    if (count === 0) return;
    yield chunk.subarray(0, count);
    at += count;
  }
}

const chunkBytes = 256 * 1024;
const leastBytes = 64 * 1024 * 1024;
const unrotatedBytes = 1024 * 1024 * 1024;
