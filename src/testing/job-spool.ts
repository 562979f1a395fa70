import { join } from "node:path";
import type { JobEvent } from "../core/contracts/job-events.ts";
import { createSpool } from "../job/log/spool.ts";
import type { SpoolCursor, SpoolReader } from "../core/contracts/spool.ts";
import { tmpdir } from "./fixtures.ts";

/** A job's log on disk, for log backends and log sinks. */
export interface JobSpool extends AsyncDisposable {
  readonly path: string;
  /** Opens a reader at `cursor`, by default at the beginning. */
  reader(cursor?: SpoolCursor): SpoolReader;
  append(...events: readonly JobEvent[]): void;
  /** Ends the log: no event follows. */
  close(): void;
}

/** Creates a spool with these events. It stays open until {@link JobSpool.close}. */
export async function createJobSpool(events: readonly JobEvent[] = []): Promise<JobSpool> {
  const directory = await tmpdir();
  const spool = createSpool(join(directory.path, "events.ndjson"), { diskLimitBytes: 2 ** 30 });
  const append = (...more: readonly JobEvent[]): void => more.forEach((event) => spool.append(event));
  append(...events);
  return {
    path: spool.path,
    reader: (cursor) => spool.reader(cursor),
    append,
    close: () => spool.close(),
    async [Symbol.asyncDispose]() {
      spool.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** The complete log of a job with one command that printed `lines`. */
export function jobEvents(lines: readonly string[] = ["hello"]): JobEvent[] {
  const at = 1_700_000_000;
  return [
    { event: "job_started", timestamp: at },
    { event: "cmd_started", timestamp: at, directive: "a command" },
    ...lines.map((line) => ({ event: "cmd_output", timestamp: at, output: `${line}\n` }) as const),
    {
      event: "cmd_finished",
      timestamp: at,
      directive: "a command",
      exit_code: 0,
      started_at: at,
      finished_at: at,
    },
    { event: "job_finished", timestamp: at, result: "passed" },
  ];
}

/** Parses the lines of a batch. An incomplete last line is left out. */
export function toEvents(lines: Uint8Array | string): JobEvent[] {
  const text = typeof lines === "string" ? lines : new TextDecoder().decode(lines);
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JobEvent);
}
