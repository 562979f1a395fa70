import { readText, replaceFile } from "./files.ts";
import type { MirrorPaths } from "./layout.ts";

/** A transfer of the origin: what a clone without the mirror would have waited for. */
export interface Transfer {
  readonly bytes: number;
  readonly ms: number;
}

/** Notes how fast the origin was. In small transfers it is the delay that counts, so that large ones stay. */
export async function notePace(paths: Pick<MirrorPaths, "pace">, { bytes, ms }: Transfer): Promise<void> {
  const known = await readPace(paths);
  if (bytes < Math.max(leastBytes, (known?.bytes ?? 0) / 2)) return;
  await replaceFile(paths.pace, `${Math.round(bytes)} ${Math.ceil(ms)}\n`);
}

/**
 * Estimates the milliseconds in which the origin would send so many bytes. Resolves to `undefined` when the mirror has
 * seen nothing of that size from it.
 */
export async function estimateTransfer(
  paths: Pick<MirrorPaths, "pace">,
  bytes: number,
): Promise<number | undefined> {
  const known = await readPace(paths);
  if (known === undefined || bytes > known.bytes * mostFactor) return undefined;
  return (bytes / known.bytes) * known.ms;
}

async function readPace({ pace }: Pick<MirrorPaths, "pace">): Promise<Transfer | undefined> {
  const text = await readText(pace).catch(() => undefined);
  const [, bytes, ms] = /^(\d{1,15}) (\d{1,12})\n$/.exec(text ?? "") ?? [];
  return bytes === undefined || Number(bytes) === 0 ? undefined : { bytes: Number(bytes), ms: Number(ms) };
}

const leastBytes = 1024 * 1024;
const mostFactor = 4;
