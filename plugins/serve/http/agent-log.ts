import { closeSync, fstatSync, readSync } from "node:fs";
import { openHostFile } from "signalman";
import type { Exchange } from "./exchange.ts";

/** `GET /agent_logs`: the agent's log as it is now, or 404 (protocol section 8.3). */
export async function readAgentLog(exchange: Exchange, path: string): Promise<void> {
  let fd: number;
  try {
    fd = openHostFile(path);
  } catch {
    return exchange.send(404, "");
  }
  try {
    await exchange.stream(readFile(fd), "text/plain; charset=utf-8");
  } finally {
    closeSync(fd);
  }
}

/** Reads up to the size that the file has now, in chunks that are read when they are asked for. */
function* readFile(fd: number): Generator<Uint8Array> {
  const { size } = fstatSync(fd);
  for (let at = 0; at < size;) {
    const chunk = Buffer.allocUnsafeSlow(Math.min(chunkBytes, size - at));
    const count = readSync(fd, chunk, 0, chunk.length, at);
    if (count === 0) return;
    yield chunk.subarray(0, count);
    at += count;
  }
}

const chunkBytes = 256 * 1024;
