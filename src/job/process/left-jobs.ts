import { existsSync } from "node:fs";
import { join } from "node:path";
import { toMessage } from "../../core/errors.ts";
import { recoverSpool } from "../log/spool-recovery.ts";
import type { SpoolCursor } from "../../core/contracts/spool.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { readBootId } from "../../os/state/boot-id.ts";
import { newer, readDocument, refuseNewer, removeDocument } from "../../os/state/document.ts";
import { takeLock } from "../../os/state/lock.ts";
import { jobFiles, type JobProcessRecord, wireVersion } from "./messages.ts";

/** Throws `STATE_NEWER` when a newer program has left this job. Logs of jobs that are reported may be of any version. */
export function refuseNewerJob(directory: string, jobId: string): void {
  refuseNewer(directory);
  const { version = wireVersion } = readRecord(directory) ?? {};
  if (version > wireVersion) throw newer(`the process of job "${jobId}"`, version, wireVersion);
}

/**
 * Cuts what a restart of the machine tore off the log of a job that was left, before anybody reads it. A delivery that had come further than what
 * is left begins anew: the server takes its events back then, too.
 */
export function recoverLeft(directory: string, logger: Logger): void {
  const spool = join(directory, jobFiles.spool);
  if (!existsSync(spool) || existsSync(join(directory, jobFiles.result))) return;
  if (readRecord(directory)?.bootId === readBootId()) return;
  using lock = takeLock(join(directory, jobFiles.lock));
  if (!lock) return;
  try {
    const { bytes } = recoverSpool(spool);
    const delivery = join(directory, jobFiles.delivery);
    if ((readDocument<SpoolCursor>(delivery)?.offset ?? 0) > bytes) removeDocument(delivery);
  } catch (error) {
    logger.warn(`the log of a job that was left is as it is: ${toMessage(error)}`);
  }
}

/** `undefined` also for one that is damaged: whoever adopts the process says so. */
function readRecord(directory: string): JobProcessRecord | undefined {
  try {
    return readDocument<JobProcessRecord>(join(directory, jobFiles.process));
  } catch {
    return undefined;
  }
}
