import type { HangingHook } from "../../core/contracts/agent-status.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { type OpenListener, readOpenListener } from "./open-listener.ts";

export interface BlockedProcessWatch extends Disposable {
  /** The listener that blocks the event loop of the job's process. */
  readonly hanging: HangingHook | undefined;
}

/**
 * Detects a listener that blocks the event loop of a job's process, which cannot report it itself. Logs it
 * within 10 s, and again each minute.
 */
export function watchBlockedProcess(options: {
  readonly directory: string;
  readonly jobId: string;
  readonly logger: Logger;
}): BlockedProcessWatch {
  const { directory, jobId, logger } = options;
  let blocking: OpenListener | undefined;
  let reportAt = 0;
  const poll = () => {
    const open = readOpenListener(directory);
    blocking = open?.isBlocked ? open : undefined;
    if (!blocking) return void (reportAt = 0);
    if (Date.now() < reportAt) return;
    reportAt = Date.now() + repeatMs;
    const { plugin, hook, startedAt } = blocking;
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    const message = `plugin "${plugin}" has not returned from ${hook} for ${seconds} s, and blocks the job's process`;
    logger.warn(message, { job: jobId });
  };
  const timer = setInterval(poll, pollMs);
  timer.unref();
  return {
    get hanging() {
      return blocking && { plugin: blocking.plugin, hook: blocking.hook, startedAt: blocking.startedAt };
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

const pollMs = 2000;
const repeatMs = 60_000;
