import { join } from "node:path";
import { toMessage } from "../../core/errors.ts";
import { recoverSpool } from "../log/spool-recovery.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { readBootId } from "../../os/state/boot-id.ts";
import { newer, refuseNewer, removeDocument } from "../../os/state/document.ts";
import { findEntry } from "../../os/state/file.ts";
import { takeLock } from "../../os/state/lock.ts";
import { maxRequestBytes, readDeliveryCursor, findProcessRecord } from "./job-documents.ts";
import { jobFiles } from "./job-files.ts";
import { wireVersion } from "../control/messages.ts";

/** Throws `STATE_NEWER` when a newer release left this job. Logs of reported jobs may be of any version. */
export function refuseNewerJob(directory: string, jobId: string): void {
  refuseNewer(directory, { maxBytes: maxRequestBytes });
  const { version = wireVersion } = findProcessRecord(directory).record ?? {};
  if (version > wireVersion) throw newer(`the process of job "${jobId}"`, version, wireVersion);
}

/**
 * Removes what a restart of the machine damaged at the end of a left job's log, before the log is read. When
 * more had been delivered than remains, the delivery starts again at the beginning, and the server replaces
 * its events.
 */
export function recoverLeftLog(directory: string, logger: Logger): void {
  const spool = join(directory, jobFiles.spool);
  if (!findEntry(spool) || findEntry(join(directory, jobFiles.result))) return;
  if (findProcessRecord(directory).record?.bootId === readBootId()) return;
  try {
    using lock = takeLock(join(directory, jobFiles.lock));
    if (!lock) return;
    const { bytes } = recoverSpool(spool);
    if ((readDeliveryCursor(directory)?.offset ?? 0) > bytes)
      removeDocument(join(directory, jobFiles.delivery));
  } catch (error) {
    logger.warn(`log of a left job could not be repaired: ${toMessage(error)}`);
  }
}
