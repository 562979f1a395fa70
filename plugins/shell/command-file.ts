import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { JobUser } from "signalman/executor";
import { writePrivateFile } from "./private-file.ts";

/**
 * Writes a command into the job's directory for the shell to source, and returns the path. Restores a
 * directory that the job has deleted.
 */
export function writeCommandFile(directory: string, text: string, user?: JobUser): string {
  const path = join(directory, "command");
  try {
    writePrivateFile(path, `${text}\n`, { user });
  } catch (error) {
    if (!restoreDirectory(directory)) throw error;
    writePrivateFile(path, `${text}\n`, { user });
  }
  return path;
}

function restoreDirectory(directory: string): boolean {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chmodSync(directory, 0o700);
    return true;
  } catch {
    return false;
  }
}
