import { createRecordingLogger } from "signalman/testing";
import { type ChangeKind, openChangeJournal } from "../upstream/change-journal.ts";
import { createWriteBehind, type WriteBehindOptions } from "../upstream/write-behind.ts";
import { createEventLog } from "./scene.ts";

type OpenOptions = Partial<WriteBehindOptions> & { readonly path?: string };

/** Creates a queue with short pauses. `path`: a file for the changes; without one they are lost. */
export function openWriteBehind(
  write: WriteBehindOptions["write"],
  { path = "/dev/null/x", ...options }: OpenOptions = {},
) {
  const outcomes = createEventLog<string>();
  const logger = createRecordingLogger();
  const faults: unknown[] = [];
  const journal = openChangeJournal({ path, onFault: (error) => void faults.push(error) });
  const behind = createWriteBehind({
    write,
    journal,
    count: outcomes.add,
    logger,
    retryMs: 1,
    mostRetryMs: 8,
    drainMs: 60_000,
    ...options,
  });
  const warnings = () => logger.entries.flatMap(({ level, message }) => (level === "warn" ? [message] : []));
  const add = (key: string, kind: ChangeKind) => behind.add(key, kind, behind.prepare(key, kind));
  return { behind, add, outcomes, warnings, logger, faults };
}
