import { lstatSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HangingHook } from "../../core/contracts/agent-status.ts";
import type { StopCause } from "../../core/contracts/stop-cause.ts";
import { pinSocket } from "../../os/network/socket-path.ts";
import { findEntry } from "../../os/state/file.ts";
import { isSummary, toSummary } from "../state/job-documents.ts";
import { isJobLocked } from "../state/job-lock.ts";
import { createJobCommands, type JobCommands, type JobCommandsOptions } from "./job-commands.ts";
import { createLineWriter, type LineWriter } from "./line-writer.ts";
import {
  createLineReader,
  type MetricsMessage,
  type ToAgent,
  type ToJob,
  type UnstoredResult,
  wireVersion,
} from "./messages.ts";
import { jobFiles } from "../state/job-files.ts";

export interface ConnectionOptions extends JobCommandsOptions {
  /** Path of the control socket. Empty: unknown, the process can only be waited for. */
  readonly socket: string;
  readonly secret: string;
  readonly child: JobChild | undefined;
  /** Called when the spool may have grown. */
  readonly onGrown: () => void;
  /** Called with the hooks of the job's plugins that hang. */
  readonly onHanging: (hooks: readonly HangingHook[]) => void;
  /** Called with what the job's plugins have recorded, before it is confirmed. */
  readonly onMetrics: (message: MetricsMessage) => void;
}

/** A job's process that this agent process started. */
export type JobChild = Pick<Bun.Subprocess, "exited" | "exitCode" | "signalCode" | "kill">;

/** An agent's connection to a job's process. It reconnects after each loss. */
export interface JobConnection {
  /**
   * Resolves when the process has reported its result, or is dead. With the result, if it could not be
   * written to disk.
   */
  readonly ended: Promise<UnstoredResult | undefined>;
  send(command: "stop" | "kill", cause: StopCause): void;
}

export function connectToJob(options: ConnectionOptions): JobConnection {
  const commands = createJobCommands(options);
  return { ended: listen(options, commands).finally(commands.close), send: commands.send };
}

async function listen(
  options: ConnectionOptions,
  commands: JobCommands,
): Promise<UnstoredResult | undefined> {
  const { directory, child } = options;
  let isDead = false;
  let isForeign = false;
  const died = child?.exited.then(() => void (isDead = true));
  // An entry that is not a regular file is ignored: a job has created it, and the job's process replaces it.
  const hasResult = () => findEntry(join(directory, jobFiles.result))?.isFile() === true;
  const isOver = () => hasResult() || isDead || (!child && !isJobLocked(directory));
  if (hasResult()) return undefined;
  for (;;) {
    const end = isForeign ? undefined : await runSession(options, commands, isOver);
    if (end?.is === "unkept" && isSummary(end.summary))
      return { ...end, summary: toSummary(end.summary, directory) };
    if (end?.is === "refused") {
      isForeign = true;
      logForeignVersion(options, end.version);
    }
    if (isForeign) options.onGrown();
    // The process may not listen yet. One that another agent process started is dead when its lock is free.
    if (isOver()) return undefined;
    await Promise.race([sleep(child ? startingMs : resumingMs), ...(died ? [died] : [])]);
  }
}

/**
 * Milliseconds between two attempts to connect: to a process that is starting, and to one that an earlier
 * agent process started.
 */
const startingMs = 5;
const resumingMs = 20;

/**
 * The log is on disk whatever the process's version; only commands do not reach it, so that a stop kills it
 * after 10 s.
 */
function logForeignVersion({ jobId, logger }: ConnectionOptions, version: number): void {
  const versions = `the job's process speaks version ${version}, and this program ${wireVersion}`;
  logger.error(`${versions}: its log is delivered, but a stop kills it`, { job: jobId });
}

type SessionEnd = Extract<ToAgent, { is: "refused" | "finished" | "unkept" }> | { readonly is: "closed" };

/**
 * One connection, until it is closed or no longer needed. Resolves to `undefined` when the process does not
 * listen. Also polls whether the job has ended, because a job may have replaced its process's socket by its
 * own.
 */
async function runSession(
  { socket, secret, onGrown, onHanging, onMetrics }: ConnectionOptions,
  commands: JobCommands,
  isOver: () => boolean,
): Promise<SessionEnd | undefined> {
  const ended = Promise.withResolvers<SessionEnd>();
  const connected: { write?: (message: ToJob) => void } = {};
  const onMessage = (message: ToAgent) => {
    if ("version" in message && message.version !== wireVersion)
      return ended.resolve({ is: "refused", version: message.version });
    commands.confirmed();
    if (message.is === "more") onGrown();
    else if (message.is === "hanging") onHanging(message.hooks);
    else if (message.is === "metrics") {
      onMetrics(message);
      connected.write?.({ counted: message.number });
    } else if (message.is === "finished" || message.is === "unkept") ended.resolve(message);
  };
  const write = await openSocket(socket, { onMessage, onClose: () => ended.resolve({ is: "closed" }) });
  if (!write) return undefined;
  connected.write = write;
  write({ hello: secret, version: wireVersion });
  commands.connected(write);
  onGrown();
  const timer = setInterval(() => isOver() && ended.resolve({ is: "closed" }), overMs);
  const end = await ended.promise.finally(() => clearInterval(timer));
  // The result is known, so that the process may exit.
  write({ do: "leave" });
  commands.disconnected();
  return end;
}

/** Interval at which the end of the job is polled, in milliseconds. */
const overMs = 2000;

async function openSocket(
  path: string,
  on: { onMessage: (message: ToAgent) => void; onClose: () => void },
): Promise<((message: ToJob) => void) | undefined> {
  if (path === "") return undefined;
  const read = createLineReader<ToAgent>(on.onMessage);
  try {
    // Many attempts come before the process listens: only a socket that is there is looked at closely.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    using pinned = pinSocket(path);
    let lines: LineWriter | undefined;
    const socket = await Bun.connect({
      unix: pinned.path,
      socket: {
        data: (_, bytes) => read(bytes),
        drain: () => lines?.drained(),
        close: on.onClose,
        error: on.onClose,
      },
    });
    const { write } = (lines = createLineWriter(socket));
    return (message) => void write(message);
  } catch {
    return undefined;
  }
}
