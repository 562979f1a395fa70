import type { HangingHook } from "../../core/contracts/agent-status.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { type OpenListener, readOpenListener } from "./open-listener.ts";

export interface BlockedProcessWatch extends Disposable {
  /** The listener that blocks the event loop of the job's process. */
  readonly hanging: HangingHook | undefined;
  /** The job was stopped: a process that a listener has blocked since then for 10 s is killed. */
  expectEnd(): void;
}

/**
 * Detects a listener that blocks the event loop of a job's process, which cannot report it itself. Logs it
 * within 10 s, and again each minute. A stop may have been confirmed before a listener blocked the process, so
 * that nothing else would end the job.
 */
export function watchBlockedProcess(options: {
  readonly directory: string;
  readonly jobId: string;
  readonly logger: Logger;
  readonly kill: (why: string) => void;
}): BlockedProcessWatch {
  const { directory, jobId, logger, kill } = options;
  let stoppedAt = Number.POSITIVE_INFINITY;
  let blocking: OpenListener | undefined;
  let reportAt = 0;
  const poll = () => {
    const open = readOpenListener(directory);
    blocking = open?.isBlocked ? open : undefined;
    if (!blocking) return void (reportAt = 0);
    if (Date.now() - Math.max(stoppedAt, blocking.startedAt) > killMs)
      kill(`job process has not responded for ${killMs / 1000} s since the stop`);
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
    expectEnd: () => void (stoppedAt = Math.min(stoppedAt, Date.now())),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

const pollMs = 2000;
const repeatMs = 60_000;
const killMs = 10_000;
