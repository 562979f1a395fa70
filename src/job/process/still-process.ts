import type { HangingHook } from "../../core/contracts/agent-status.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { type OpenListener, readOpenListener } from "./open-listener.ts";

export interface StillProcessWatch extends Disposable {
  /** The listener in which the event loop of the job's process stands still. */
  readonly hanging: HangingHook | undefined;
}

/** Watches whether a listener stops the event loop of a job's process, which cannot report it. It is logged within 10 s, and again each minute. */
export function watchStillProcess(options: {
  readonly directory: string;
  readonly jobId: string;
  readonly logger: Logger;
}): StillProcessWatch {
  const { directory, jobId, logger } = options;
  let still: OpenListener | undefined;
  let reportAt = 0;
  const look = () => {
    const open = readOpenListener(directory);
    still = open?.isStill ? open : undefined;
    if (!still) return void (reportAt = 0);
    if (Date.now() < reportAt) return;
    reportAt = Date.now() + repeatMs;
    const { plugin, hook, startedAt } = still;
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    const message = `plugin "${plugin}" has not returned from ${hook} for ${seconds} s, and stops the job's process`;
    logger.warn(message, { job: jobId });
  };
  const timer = setInterval(look, lookMs);
  timer.unref();
  return {
    get hanging() {
      return still && { plugin: still.plugin, hook: still.hook, startedAt: still.startedAt };
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

const lookMs = 2000;
const repeatMs = 60_000;
