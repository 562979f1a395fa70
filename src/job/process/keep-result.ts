import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "../../core/errors.ts";
import type { JobSummary } from "../../core/contracts/job-summary.ts";
import type { Spool } from "../log/spool.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { writeDocument } from "../../os/state/document.ts";
import type { ControlSocket } from "./control-socket.ts";
import { jobFiles, type LastWords } from "./messages.ts";

export interface KeepResultOptions {
  /** Of the job, in the state directory. */
  readonly directory: string;
  readonly jobId: string;
  readonly spool: Spool;
  readonly control: Pick<ControlSocket, "tell">;
  readonly logger: Logger;
  /** Resolves when an agent knows the result. */
  readonly acknowledged: Promise<void>;
  /** How long a disk that does not take it is tried again, in milliseconds. */
  readonly patienceMs: number;
}

/**
 * Puts a job's log and then its result on disk for good, and tells the agents. Where the disk does not take them, an agent gets the result by word; while there
 * is none, the disk is tried again.
 */
export async function keepResult(summary: JobSummary, options: KeepResultOptions): Promise<void> {
  const { control, logger, acknowledged, jobId: job } = options;
  const deadline = performance.now() + options.patienceMs;
  let said = "";
  for (;;) {
    const unkept = keep(summary, options);
    control.tell(unkept ? { is: "unkept", ...unkept } : { is: "finished" });
    const isKnown = await Promise.race([acknowledged.then(() => true), sleep(lookMs, false)]);
    if (!unkept || isKnown || performance.now() > deadline) return;
    if (unkept.reason !== said) logger.error(unkept.reason, { job });
    said = unkept.reason;
  }
}

/** How long an agent has to say that it knows; the disk is tried again as often. */
const lookMs = 1000;

/** `undefined`: all is on disk. */
function keep(summary: JobSummary, { spool, directory }: KeepResultOptions): LastWords | undefined {
  let isLogWhole = false;
  const finalSummary = (): JobSummary => {
    const { events, bytes, checksum, droppedBytes } = spool.stats;
    return { ...summary, log: { events, bytes, checksum, droppedBytes } };
  };
  try {
    spool.sync();
    isLogWhole = true;
    writeDocument(join(directory, jobFiles.result), finalSummary());
    return undefined;
  } catch (error) {
    return {
      summary: finalSummary(),
      isLogWhole,
      reason: `the job's end cannot be kept on disk: ${toMessage(error)}`,
    };
  }
}
