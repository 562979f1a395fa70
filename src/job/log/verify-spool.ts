import * as fs from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { toMessage } from "../../core/errors.ts";
import { openStateFile } from "../../os/state/file.ts";
import { readChecksums, type SpoolExtent, toMismatch } from "./spool-file.ts";

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
    let checksum = 0;
    for (checksum of readChecksums(fd, size)) await nextTurn();
    return toMismatch({ bytes: size, checksum }, written);
  } catch (error) {
    return toMessage(error);
  } finally {
    fs.closeSync(fd);
  }
}
