import { closeSync } from "node:fs";
import type { JobEvent } from "../../core/contracts/job-events.ts";
import { openStateFile } from "../../os/state/file.ts";
import { linesOf } from "./spool-recovery.ts";

/** The blocks in the log of a job whose process died. */
export interface LeftBlocks {
  /** Number of blocks that have begun. */
  readonly count: number;
  /** The exit code of each block that has ended, by its index. */
  readonly codes: readonly (number | undefined)[];
  readonly open: LeftBlock | undefined;
}

/** A block without an end. */
export interface LeftBlock {
  readonly directive: string;
  /** Unix seconds. */
  readonly startedAt: number;
  /** Bytes of its text so far. */
  readonly text: number;
  readonly atLineStart: boolean;
}

/** Reads the blocks of a log that {@link recoverSpool} has repaired. Throws the error of the system. */
export function readLeftBlocks(path: string): LeftBlocks {
  const codes: (number | undefined)[] = [];
  let open: LeftBlock | undefined;
  for (const event of eventsOf(path)) {
    if (event.event === "cmd_started") {
      codes.push(undefined);
      open = { directive: event.directive, startedAt: event.timestamp, text: 0, atLineStart: true };
    } else if (event.event === "cmd_finished") {
      codes[codes.length - 1] = event.exit_code;
      open = undefined;
    } else if (event.event === "cmd_output" && open) {
      const text = open.text + Buffer.byteLength(event.output);
      open = { ...open, text, atLineStart: event.output.endsWith("\n") };
    }
  }
  return { count: codes.length, codes, open };
}

function* eventsOf(path: string): Generator<JobEvent> {
  const fd = openStateFile(path, "read");
  try {
    for (const line of linesOf(fd)) yield JSON.parse(line.toString()) as JobEvent;
  } finally {
    closeSync(fd);
  }
}
