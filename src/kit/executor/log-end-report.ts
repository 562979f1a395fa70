import type { Logger } from "../../core/contracts/logger.ts";
import type { EndReport } from "../../os/processes/end-report.ts";

/** Logs which processes of a job were ended, spared, or could not be ended. */
export function logEndReport({ ended, spared, left }: EndReport, logger: Logger): void {
  for (const { pid, commandLine, comm, how } of ended) {
    logger.info(`ended "${commandLine || comm}", which the job had left running`, { pid, how });
  }
  for (const { pid, commandLine, comm } of spared) {
    logger.info(`left "${commandLine || comm}" running, as configured by keep-processes`, { pid });
  }
  for (const { pid, commandLine, comm, uid } of left) {
    const isForeign = uid !== undefined && process.getuid !== undefined && uid !== process.getuid();
    const why = isForeign ? ": it belongs to another user, whose processes the agent may not signal" : "";
    logger.warn(`could not end "${commandLine || comm}", which the job had left running${why}`, { pid, uid });
  }
}
