import { ptr } from "bun:ffi";
import { openLibc } from "../../os/processes/libc.ts";

/**
 * Sends bytes of an open file to a socket, at most `bytes`, without copying them through this process. Returns how many
 * were sent; 0 when the socket takes none now, when the file has no more, or when the kernel cannot do it.
 */
export type SendFile = (socket: number, file: number, start: number, bytes: number) => number;

/** Loads the system call. `undefined` where there is none of this kind (not Linux, no FFI). */
export function loadSendFile(): SendFile | undefined {
  if (loaded === undefined) loaded = openSendFile() ?? null;
  return loaded ?? undefined;
}

let loaded: SendFile | null | undefined;

function openSendFile(): SendFile | undefined {
  if (process.platform !== "linux") return undefined;
  const libc = openLibc({ sendfile: { args: ["i32", "i32", "ptr", "u64"], returns: "i64" } });
  if (libc === undefined) return undefined;
  const offset = new BigInt64Array(1);
  return (socket, file, start, bytes) => {
    offset[0] = BigInt(start);
    return Math.max(0, Number(libc.sendfile(socket, file, ptr(offset), bytes)));
  };
}
