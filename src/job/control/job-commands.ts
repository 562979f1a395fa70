import { join } from "node:path";
import type { Logger } from "../../core/contracts/logger.ts";
import type { StopCause } from "../../core/contracts/stop-cause.ts";
import { parseStopCause } from "../../core/stop-cause.ts";
import { readStat } from "../../os/processes/proc.ts";
import { readHolder } from "../../os/state/lock.ts";
import { isJobProcess } from "../state/job-lock.ts";
import { jobFiles } from "../state/job-files.ts";
import type { ToJob } from "./messages.ts";
import { readOpenListener } from "../process/open-listener.ts";

export interface JobCommandsOptions {
  /** The job's state directory. */
  readonly directory: string;
  readonly jobId: string;
  readonly logger: Logger;
  /** The job's process, if this agent process started it. */
  readonly child: { kill(signal: NodeJS.Signals): void } | undefined;
}

/**
 * Commands to a job's process. They wait until the process is connected. A process that does not confirm a
 * command within 10 s is killed; its job is then closed like that of a process that died.
 */
export interface JobCommands {
  send(command: "stop" | "kill", cause: StopCause): void;
  connected(write: (message: ToJob) => void): void;
  disconnected(): void;
  /** The process has sent a message. */
  confirmed(): void;
  /** The process has reported its result or died: further commands are dropped. */
  close(): void;
}

export function createJobCommands(options: JobCommandsOptions): JobCommands {
  const pending: ToJob[] = [];
  let write: ((message: ToJob) => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const confirmed = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  return {
    send(command, cause) {
      if (isClosed) return;
      // A plugin may have given the cause, and a message has a maximum length.
      const message: ToJob = { do: command, cause: parseStopCause(cause) };
      const why = `job process did not respond within ${confirmMs / 1000} s`;
      timer ??= setTimeout(() => killJobProcess(options, why), confirmMs).unref();
      if (write) write(message);
      else pending.push(message);
    },
    connected(to) {
      write = to;
      for (const message of pending.splice(0)) to(message);
    },
    disconnected() {
      write = undefined;
    },
    confirmed,
    close() {
      isClosed = true;
      confirmed();
    },
  };
}

/** Kills a job's process. The agent's log has the reason, and the plugin whose listener is open. */
export function killJobProcess({ directory, jobId, logger, child }: JobCommandsOptions, why: string): void {
  const open = readOpenListener(directory);
  const culprit = open ? ` (plugin "${open.plugin}" in ${open.hook})` : "";
  const message = `${why}: killing it${culprit}`;
  const report = (pid?: number) => logger.error(message, { job: jobId, pid });
  if (child) {
    report();
    return child.kill("SIGKILL");
  }
  const holder = readHolder(join(directory, jobFiles.lock));
  if (holder === undefined || !isJobProcess(holder.pid, jobId)) return;
  if (readStat(holder.pid)?.startTime !== holder.startTime) return;
  report(holder.pid);
  process.kill(holder.pid, "SIGKILL");
}

const confirmMs = 10_000;
