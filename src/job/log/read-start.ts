import { closeSync, readSync } from "node:fs";
import { openStateFile } from "../../os/state/file.ts";
import { parseEvent } from "./parse-event.ts";

/** Reads when a log begins, in Unix seconds; `undefined` when it cannot be read, or begins with something else. */
export function readStart(path: string): number | undefined {
  try {
    const fd = openStateFile(path, "read");
    try {
      const block = Buffer.allocUnsafe(256);
      const [line = ""] = block.toString("utf8", 0, readSync(fd, block, 0, block.length, 0)).split("\n", 1);
      const event = parseEvent(line);
      return event?.event === "job_started" ? event.timestamp : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
