import { closeSync, fstatSync, statSync } from "node:fs";
import { AgentError } from "../../core/errors.ts";
import { findForeignReason } from "./foreign-entry.ts";
import { openRegularFile, readWhole } from "../state/file.ts";

/**
 * Opens a file that a job or another user may have made or replaced: below the home, a directory for
 * temporary files, the working directory. Links are followed, since people link their files. A FIFO, a
 * device, a socket or a directory is refused and is not opened even for a moment, and nothing waits. A file,
 * link or directory that another user has put into a shared directory such as `/tmp` is refused. `append`
 * creates the file (0600) and refuses one with further hard links. Throws the error of the system, or
 * `FILE_FAILED` without the path.
 */
export function openHostFile(path: string, access: "read" | "append" = "read"): number {
  // A file is not created where it is refused afterwards.
  if (access === "append") assertOwn(path);
  const fd = openRegularFile(path, access, "follow");
  try {
    assertOwn(path);
    assertSame(path, fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Reads a file of at most `maxBytes` (1 MiB by default) that {@link openHostFile} opens. */
export function readHostFile(path: string, { maxBytes = 1024 * 1024 } = {}): Buffer {
  return readWhole(openHostFile(path), maxBytes);
}

function assertOwn(path: string): void {
  const reason = findForeignReason(path);
  if (reason !== undefined) throw new AgentError("FILE_FAILED", reason);
}

/** The file that was examined by its path must be the one that was opened. */
function assertSame(path: string, fd: number): void {
  const [opened, found] = [fstatSync(fd), statSync(path)];
  if (opened.ino !== found.ino || opened.dev !== found.dev)
    throw new AgentError("FILE_FAILED", "another process replaced it");
}
