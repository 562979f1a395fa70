import { join } from "node:path";
import { toMessage } from "../../core/errors.ts";
import type { JobSummary } from "../../core/contracts/job-summary.ts";
import type { Spool } from "../log/spool.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { writeDocument } from "../../os/state/document.ts";
import type { ControlSocket } from "../control/control-socket.ts";
import { jobFiles } from "../state/job-files.ts";
import type { UnstoredResult } from "../control/messages.ts";
import { waitAtMost } from "../../core/host/deadline.ts";

export interface StoreResultOptions {
  /** The job's state directory. */
  readonly directory: string;
  readonly jobId: string;
  readonly spool: Spool;
  readonly control: Pick<ControlSocket, "tell">;
  readonly logger: Logger;
  /** Resolves when an agent has received the result. */
  readonly acknowledged: Promise<void>;
  /** Milliseconds for which a write that failed is repeated. */
  readonly retryMs: number;
}

/**
 * Writes a job's log and then its result to disk, synced, and reports that to the agents. When the disk
 * fails, the result itself is sent to an agent; while no agent is connected, the write is repeated.
 */
export async function storeResult(summary: JobSummary, options: StoreResultOptions): Promise<void> {
  const { control, logger, acknowledged, jobId: job } = options;
  const deadline = performance.now() + options.retryMs;
  let loggedReason = "";
  for (;;) {
    const unstored = store(summary, options);
    control.tell(unstored ? { is: "unkept", ...unstored } : { is: "finished" });
    const isKnown = await waitAtMost(acknowledged, retryIntervalMs);
    if (!unstored || isKnown || performance.now() > deadline) return;
    if (unstored.reason !== loggedReason) logger.error(unstored.reason, { job });
    loggedReason = unstored.reason;
  }
}

/** Milliseconds for which an agent's confirmation is awaited, and between two writes. */
const retryIntervalMs = 1000;

/** Returns `undefined` when log and result are on disk. */
function store(summary: JobSummary, { spool, directory }: StoreResultOptions): UnstoredResult | undefined {
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
