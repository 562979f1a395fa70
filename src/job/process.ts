import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentError } from "../errors.ts";
import type { JobSummary } from "../hooks.ts";
import type { SpoolSource } from "../log/spool.ts";
import type { Logger } from "../logger/logger.ts";
import { createCookie } from "../processes/cookie.ts";
import { readBootId } from "../state/boot-id.ts";
import { makePrivateDirectory, readDocument } from "../state/document.ts";
import { readStat } from "../processes/proc.ts";
import { readHolder, takeLock } from "../state/lock.ts";
import { buryJob } from "./bury.ts";
import type { JobRequest } from "./request.ts";
import {
  createLineReader,
  jobFiles,
  type JobProcessInput,
  type JobProcessRecord,
  type ToAgent,
  type ToJob,
  wireVersion,
} from "./wire.ts";

/** The process of a job, seen from an agent. */
export interface JobProcess {
  /** The job's log: closed once no event will come any more. */
  readonly source: SpoolSource;
  /** Resolves when the result stands on disk. A process that died without one is buried first: the job has failed. */
  readonly finished: Promise<JobSummary>;
  stop(): void;
  kill(): void;
}

/** A process that waits for its job, since starting takes longer than fetching a request. It leaves when its agent does. */
export interface WaitingJobProcess {
  /** For whoever takes the job over; to be on disk before it runs. */
  readonly record: JobProcessRecord;
  /** Called once. What keeps the process from running the job shows in `finished`. */
  run(request: JobRequest): JobProcess;
  /** There is no job for it. */
  dismiss(): void;
}

export interface JobProcessOptions {
  /** Of the job, in the state directory. */
  readonly directory: string;
  readonly jobId: string;
  readonly logger: Logger;
}

/**
 * The words that start this program again, as it is now: replacing it on disk does not matter to a process that runs. From source the program is
 * Bun, which gets its own switches again.
 */
export function thisProgram(): string[] {
  const self = process.platform === "linux" ? "/proc/self/exe" : process.execPath;
  return Bun.main.startsWith("/$bunfs/") ? [self] : [self, ...process.execArgv, Bun.main];
}

/** Starts a process for a job that is on its way. Throws when the system starts none. */
export function startJobProcess(
  options: Omit<JobProcessInput, "version" | "secret" | "cookie" | "directory"> &
    JobProcessOptions & {
      readonly program: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    },
): WaitingJobProcess {
  const { jobId, directory, socket, settings, plugins, log, claimTimeoutMs } = options;
  const secret = randomBytes(32).toString("hex");
  const cookie = createCookie(jobId);
  const input: JobProcessInput = {
    version: wireVersion,
    settings,
    plugins,
    directory,
    socket,
    secret,
    cookie,
    claimTimeoutMs,
    log,
  };
  const output = openSync(join(directory, jobFiles.output), "a", 0o600);
  try {
    const child = Bun.spawn([...options.program, "job-process", jobId], {
      argv0: process.argv0,
      env: { ...options.env },
      detached: true,
      stdin: "pipe",
      stdout: output,
      stderr: output,
    });
    child.unref();
    void tell(child.stdin, input, "more follows");
    return {
      record: { pid: child.pid, bootId: readBootId(), socket, secret, cookie },
      run(request) {
        void tell(child.stdin, request, "that is all");
        return follow({ ...options, secret, exited: child.exited });
      },
      dismiss: () => child.kill(),
    };
  } finally {
    closeSync(output);
  }
}

async function tell(
  stdin: Bun.FileSink,
  value: unknown,
  then: "more follows" | "that is all",
): Promise<void> {
  try {
    await stdin.write(`${JSON.stringify(value)}\n`);
    await (then === "that is all" ? stdin.end() : stdin.flush());
  } catch {
    // It is dead, as whoever follows it finds out.
  }
}

/** Takes up a job that a previous agent left, whatever became of it. */
export function adoptJobProcess(options: JobProcessOptions): JobProcess {
  const record = readDocument<JobProcessRecord>(join(options.directory, jobFiles.process));
  return follow({
    ...options,
    socket: record?.socket ?? "",
    secret: record?.secret ?? "",
    exited: undefined,
  });
}

interface FollowOptions extends JobProcessOptions {
  readonly socket: string;
  readonly secret: string;
  /** Of a process that we started. */
  readonly exited: Promise<number> | undefined;
}

function follow(options: FollowOptions): JobProcess {
  const listeners = new Set<() => void>();
  const wake = () => {
    for (const listener of listeners) listener();
  };
  let closed = false;
  let send: ((message: ToJob) => void) | undefined;
  const wanted: ToJob[] = [];
  let unheard: NodeJS.Timeout | undefined;
  const command = (message: ToJob) => {
    unheard ??= setTimeout(() => killUnheard(options), heardMs).unref();
    if (send) send(message);
    else wanted.push(message);
  };

  const calm = () => {
    clearTimeout(unheard);
    unheard = undefined;
  };

  async function run(): Promise<JobSummary> {
    const died = options.exited?.then(() => undefined);
    await listen(died);
    calm();
    const result =
      readDocument<JobSummary>(join(options.directory, jobFiles.result)) ?? (await buryJob(options));
    closed = true;
    wake();
    return result;
  }

  /** Resolves when the process has said that it is finished, or cannot be heard any more. */
  async function listen(died: Promise<undefined> | undefined): Promise<void> {
    const { directory, socket, secret } = options;
    let isDead = false;
    void died?.then(() => (isDead = true));
    while (!existsSync(join(directory, jobFiles.result))) {
      const gone = Promise.withResolvers<void>();
      const onMessage = (message: ToAgent) => {
        calm();
        if (message.is === "more") wake();
        // The result stands on disk; the process may go.
        else if (message.is === "finished") gone.resolve();
      };
      const connection = await connect(socket, { onMessage, onClose: gone.resolve });
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
function killUnheard({ directory, jobId, logger }: FollowOptions): void {
  const holder = readHolder(join(directory, jobFiles.lock));
  if (holder === undefined || holder.pid === process.pid) return;
  if (readStat(holder.pid)?.startTime !== holder.startTime) return;
  logger.error(`the job's process does not answer to a stop, and is killed`, { job: jobId, pid: holder.pid });
  process.kill(holder.pid, "SIGKILL");
}

/** How long a job's process has to say that it has heard a command. */
const heardMs = 10_000;
const connectMs = 5;
const lookMs = 20;

function isLocked(path: string): boolean {
  using lock = takeLock(path);
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

/**
 * A new socket's path, in the first directory whose name leaves room for it (107 bytes is a socket's limit). Throws `FILE_FAILED` when none
 * does.
 */
export function toSocketPath(directories: readonly string[]): string {
  const name = `${randomBytes(6).toString("hex")}.sock`;
  for (const directory of directories) {
    const path = join(directory, name);
    if (Buffer.byteLength(path) > 107) continue;
    makePrivateDirectory(directory);
    return path;
  }
  throw new AgentError(
    "FILE_FAILED",
    `no directory for sockets has a short path (${directories.join(", ")}); set XDG_RUNTIME_DIR or TMPDIR to a shorter one`,
  );
}
