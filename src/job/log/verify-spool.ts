import * as fs from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { toMessage } from "../../core/errors.ts";
import { openStateFile } from "../../os/state/file.ts";
import type { SpoolExtent } from "./spool-file.ts";

/**
 * Describes how another process changed the log of a finished job; `undefined` when it is as its writer left
 * it. This detects accidents, not a process that forges the result document as well.
 */
export async function findChange(path: string, written: Partial<SpoolExtent>): Promise<string | undefined> {
  if (written.bytes === undefined || written.checksum === undefined) return undefined;
  let fd: number;
  try {
    fd = openStateFile(path, "read");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "it was removed" : toMessage(error);
  }
  try {
    const { size } = fs.fstatSync(fd);
    if (size !== written.bytes) return `it has ${size} bytes, and ${written.bytes} were written`;
    const block = Buffer.allocUnsafeSlow(blockBytes);
    let checksum = 0;
    for (let count = 0; (count = fs.readSync(fd, block, 0, block.length, null)) > 0; await nextTurn())
      checksum = Bun.hash.crc32(block.subarray(0, count), checksum);
    return toMismatch({ bytes: size, checksum }, written);
  } catch (error) {
    return toMessage(error);
  } finally {
    fs.closeSync(fd);
  }
}

const blockBytes = 1024 * 1024;

/** Describes how a spool differs from what was written, as far as the writer recorded it. */
export function toMismatch(found: SpoolExtent, written: Partial<SpoolExtent>): string | undefined {
  if (written.checksum === undefined) return undefined;
  if (found.bytes !== written.bytes) return `it has ${found.bytes} bytes, and ${written.bytes} were written`;
  return found.checksum === written.checksum ? undefined : "its bytes differ from what was written";
}
