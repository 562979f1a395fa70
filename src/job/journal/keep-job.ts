import type { Host } from "../../core/contracts/host.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { findExecutor } from "../choose-executor.ts";
import type { FilterChain } from "../log/filter-chain.ts";
import type { StreamKeeping } from "../log/kept-stream.ts";
import type { JobSettings } from "../settings.ts";
import { isWrapped } from "../wrapped-executor.ts";
import type { JobJournal, JobJournalOptions } from "./job-journal.ts";
import type { ContinuedJob } from "./open-job-journal.ts";

export interface KeepJobOptions {
  readonly host: Pick<Host, "use" | "all">;
  readonly settings: Pick<JobSettings, "executors">;
  readonly logger: Logger;
  /** Path of the spool. Left out: the job ends with this process. */
  readonly spoolPath?: string | undefined;
  /** See `SessionJournal.unclaimedMs`. Left out: 15 minutes. */
  readonly unclaimedMs?: number;
  /** An earlier process of the job has died, and this one continues it. */
  readonly isContinued?: boolean;
}

/** What keeps a job beyond its process. */
export interface KeptJob {
  /** What an earlier process has left. */
  readonly left: ContinuedJob | undefined;
  /** Opens the journal. */
  open(log: JobJournalOptions["log"]): JobJournal;
}

/** Resolves to `undefined` for a job that ends with its process. */
export async function keepJob(request: JobRequest, options: KeepJobOptions): Promise<KeptJob | undefined> {
  const { spoolPath, isContinued, logger, unclaimedMs = 900_000 } = options;
  if (spoolPath === undefined || !isResumed(request, options)) return undefined;
  const { openJobJournal, readContinuedJob } = await import("./open-job-journal.ts");
  const left = isContinued ? readContinuedJob(spoolPath) : undefined;
  return { left, open: (log) => openJobJournal(spoolPath, { log, logger, unclaimedMs, left }) };
}

/** Keeps what changes a job's output besides that output. */
export function keepStream(journal: JobJournal, filters: FilterChain): StreamKeeping {
  const addSecrets = (values: readonly string[]): void => {
    // Masked whatever the names of the variables.
    for (const value of values) filters.addVariable({ name: "", value, isSecret: true });
  };
  addSecrets(journal.leftSecrets);
  return { write: journal.write, addSecrets };
}

/** Whether the job's executor continues its sessions. What a wrapper does around its calls cannot be repeated. */
function isResumed({ executor: wanted }: JobRequest, { host, settings }: KeepJobOptions): boolean {
  try {
    const { name, factory } = findExecutor(wanted, { host, executors: settings.executors });
    return factory?.resumes === true && !isWrapped(name, host);
  } catch {
    return false;
  }
}
