import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "../../core/errors.ts";
import type { JobSummary } from "../../core/contracts/job-summary.ts";
import type { SpoolSource } from "../log/spool-reader.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { readDocument } from "../../os/state/document.ts";
import { readStat } from "../../os/processes/proc.ts";
import { readHolder, takeLock } from "../../os/state/lock.ts";
import { buryJob } from "./close-dead-job.ts";
import { type ClosedJob, failed } from "./close-job.ts";
import {
  createLineReader,
  jobFiles,
  type JobProcessRecord,
  type LastWords,
  type ToAgent,
  type ToJob,
  wireVersion,
} from "./messages.ts";

/** The process of a job, seen from an agent. */
export interface JobProcess {
  /** The job's log: closed once no event will come any more. */
  readonly source: SpoolSource;
  /**
   * Resolves when the result is known: it stands on disk, unless the disk does not take it. A process that died without one is buried first: the job has
   * failed, as has one of which nobody can tell how it came out. Never rejects.
   */
  readonly finished: Promise<JobSummary>;
  stop(): void;
  kill(): void;
}

export interface JobProcessOptions {
  /** Of the job, in the state directory. */
  readonly directory: string;
  readonly jobId: string;
  readonly logger: Logger;
}

/** Takes up a job that a previous agent left, whatever became of it. */
export function adoptJobProcess(options: JobProcessOptions): JobProcess {
  const record = readDocument<JobProcessRecord>(join(options.directory, jobFiles.process));
  return follow({
    ...options,
    socket: record?.socket ?? "",
    secret: record?.secret ?? "",
    child: undefined,
  });
}

export interface FollowOptions extends JobProcessOptions {
  readonly socket: string;
  readonly secret: string;
  /** A process that we started. */
  readonly child: { readonly exited: Promise<number>; kill(signal: NodeJS.Signals): void } | undefined;
}

/** A job that is over, and has no process. */
export function finishedProcess({ summary, rest }: ClosedJob): JobProcess {
  return {
    source: { closed: true, rest, watch: () => () => {} },
    finished: Promise.resolve(summary),
    stop() {},
    kill() {},
  };
}

/** Listens to a job's process until its result is there. */
export function follow(options: FollowOptions): JobProcess {
  const listeners = new Set<() => void>();
  const wake = () => {
    for (const listener of listeners) listener();
  };
  let closed = false;
  let rest: Uint8Array | undefined;
  let lastWords: LastWords | undefined;
  let send: ((message: ToJob) => void) | undefined;
  const wanted: ToJob[] = [];
  let unheard: NodeJS.Timeout | undefined;
  /** It has said all that it will say, or is dead. */
  let isSilent = false;
  let isForeign = false;
  const command = (message: ToJob) => {
    if (isSilent) return;
    unheard ??= setTimeout(() => killUnheard(options), heardMs).unref();
    if (send) send(message);
    else wanted.push(message);
  };

  const calm = () => {
    clearTimeout(unheard);
    unheard = undefined;
  };

  async function run(): Promise<JobSummary> {
    const died = options.child?.exited.then(() => undefined);
    try {
      await listen(died);
      isSilent = true;
      calm();
      const end = await findEnd();
      ({ rest } = end);
      return end.summary;
    } catch (error) {
      options.logger.error(`the job is reported as failed: ${toMessage(error)}`, { job: options.jobId });
      return failed;
    } finally {
      closed = true;
      wake();
    }
  }

  async function findEnd(): Promise<ClosedJob> {
    const summary = readDocument<JobSummary>(join(options.directory, jobFiles.result));
    if (summary) return { summary, rest: new Uint8Array() };
    if (lastWords === undefined) return buryJob(options);
    const { reason, isLogWhole } = lastWords;
    options.logger.error(reason, { job: options.jobId });
    return isLogWhole ? { ...lastWords, rest: new Uint8Array() } : buryJob({ ...options, lastWords });
  }

  const isOver = () => lastWords !== undefined || existsSync(join(options.directory, jobFiles.result));

  /** Its log is on disk whatever it speaks; a stop that it does not hear kills it. */
  function refuse(version: number): void {
    isForeign = true;
    const { jobId, logger } = options;
    const known = `the job's process speaks version ${version}, and this program ${wireVersion}`;
    logger.error(`${known}: its log is delivered, but it cannot be asked to stop`, { job: jobId });
  }

  /** Resolves when the process has said that it is finished, or cannot be heard any more. */
  async function listen(died: Promise<undefined> | undefined): Promise<void> {
    const { directory, socket, secret } = options;
    let isDead = false;
    void died?.then(() => (isDead = true));
    while (!isOver()) {
      const gone = Promise.withResolvers<void>();
      const onMessage = (message: ToAgent) => {
        if ("version" in message && message.version !== wireVersion)
          return gone.resolve(refuse(message.version));
        calm();
        if (message.is === "more") wake();
        // The result stands on disk; the process may go.
        else if (message.is === "finished") gone.resolve();
        else if (message.is === "unkept") {
          lastWords = message;
          gone.resolve();
        }
      };
      const connection = isForeign ? undefined : await connect(socket, { onMessage, onClose: gone.resolve });
      if (connection) {
        connection({ hello: secret, version: wireVersion });
        send = connection;
        for (const message of wanted.splice(0)) connection(message);
        wake();
        await gone.promise;
        connection({ do: "leave" });
        send = undefined;
        continue;
      }
      if (isForeign) wake();
      // It may not listen yet. One that was left to us is dead when nobody holds its lock.
      if (isDead || (!died && !isLocked(join(directory, jobFiles.lock)))) return;
      await Promise.race([sleep(died ? connectMs : lookMs), ...(died ? [died] : [])]);
    }
  }

  return {
    source: {
      get closed() {
        return closed;
      },
      get rest() {
        return rest;
      },
      watch(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    finished: run(),
    stop: () => command({ do: "stop" }),
    kill: () => command({ do: "kill" }),
  };
}

/** Ends a job's process that does not answer: what it left is then ended and reported by whoever buries it. */
function killUnheard({ directory, jobId, logger, child }: FollowOptions): void {
  const say = (pid?: number) =>
    logger.error(`the job's process does not answer to a stop, and is killed`, { job: jobId, pid });
  if (child) {
    say();
    return child.kill("SIGKILL");
  }
  const holder = readHolder(join(directory, jobFiles.lock));
  if (holder === undefined || holder.pid === process.pid) return;
  if (readStat(holder.pid)?.startTime !== holder.startTime) return;
  say(holder.pid);
  process.kill(holder.pid, "SIGKILL");
}

/** How long a job's process has to say that it has heard a command. */
const heardMs = 10_000;
const connectMs = 5;
const lookMs = 20;

/** Without the job's directory nobody can tell, and nobody can take the job over. */
function isLocked(path: string): boolean {
  if (!existsSync(dirname(path))) return false;
  using lock = takeLock(path, { onReadOnly: true });
  return lock === undefined;
}

async function connect(
  path: string,
  on: { onMessage: (message: ToAgent) => void; onClose: () => void },
): Promise<((message: ToJob) => void) | undefined> {
  if (path === "") return undefined;
  const read = createLineReader<ToAgent>(on.onMessage);
  try {
    const socket = await Bun.connect({
      unix: path,
      socket: { data: (_, bytes) => read(bytes), close: on.onClose, error: on.onClose },
    });
    return (message) => void socket.write(`${JSON.stringify(message)}\n`);
  } catch {
    return undefined;
  }
}
