import { ptr } from "bun:ffi";
import { openLibc } from "../../os/processes/libc.ts";

/**
 * Reads bytes of an open file that the kernel has in memory, into the start of a buffer, and never waits for a disk.
 * Returns how many were read, which may be less than the buffer takes; 0 when the first one is not in memory, the file
 * ends before it, or the kernel cannot tell. Read the rest asynchronously.
 */
export function readCached(fd: number, buffer: Uint8Array, position: number): number {
  if (loaded === undefined) loaded = openReadCached() ?? null;
  return loaded === null || buffer.length === 0 ? 0 : loaded(fd, buffer, position);
}

let loaded: typeof readCached | null | undefined;

function openReadCached(): typeof readCached | undefined {
  if (process.platform !== "linux") return undefined;
  const libc = openLibc({ preadv2: { args: ["i32", "ptr", "i32", "i64", "i32"], returns: "i64" } });
  if (libc === undefined) return undefined;
  const vector = new BigUint64Array(2);
  return (fd, buffer, position) => {
    vector[0] = BigInt(ptr(buffer));
    vector[1] = BigInt(buffer.length);
    return Math.max(0, Number(libc.preadv2(fd, ptr(vector), 1, BigInt(position), RWF_NOWAIT)));
  };
}

const RWF_NOWAIT = 8;
