import type { SessionJournal } from "../../core/contracts/session-journal.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { toMessage } from "../../core/errors.ts";
import type { JobMessage, JobOutcome } from "../commands/messages.ts";
import type { LeftBlocks } from "../log/left-blocks.ts";
import { removeEntry } from "../../os/state/file.ts";
import { openJournal } from "./journal-file.ts";
import { type JournalRecord, journalVersion } from "./journal-records.ts";
import type { LeftJob } from "./left-job.ts";

/** How far an earlier process has come with a step. */
export type StepState =
  | { readonly is: "new" }
  /** Its block is open. `isWithin`: its output is continued at a checkpoint. */
  | { readonly is: "open"; readonly isWithin: boolean }
  | { readonly is: "ended"; readonly exitCode: number };

/** The journal of a job whose session outlives the job's process, from which another process continues. */
export interface JobJournal extends Disposable {
  /** The executor's part. */
  readonly session: SessionJournal;
  /** Values that earlier processes masked before anything that this one reads again. */
  readonly leftSecrets: readonly string[];
  /** What earlier processes have left. */
  readonly left: LeftJob | undefined;
  /** Called when a step begins that no process has ended; records it. */
  begin(name: string): StepState;
  /** Whether a command had begun in the earlier process, and is not followed yet. */
  readonly isFollowing: boolean;
  /** Calls the listeners of a hook, unless an earlier process has: a hook that throws is called again. */
  once(key: string, call: () => Promise<void>): Promise<void>;
  write(record: JournalRecord): void;
  /** Returns the calls for messages in the job's output; what an earlier process has executed is not called again. */
  toCalls(calls: MessageCalls): MessageCalls;
  /** Resolves when the command is followed that was running when the earlier process died. */
  readonly attached: Promise<void>;
}

/** Calls of messages in a job's output, see `JobCalls`. */
interface MessageCalls {
  call(message: JobMessage, done: (outcome: JobOutcome) => void): { hangUp(): void } | undefined;
}

/** The job's log, see `WritableJobLog`. */
interface JournaledLog {
  readonly blocks: number;
  checkpoint(): number | undefined;
}

export interface JobJournalOptions {
  readonly path: string;
  readonly log: () => JournaledLog;
  readonly logger: Logger;
  /** Milliseconds that a session without a process waits for the next one. */
  readonly unclaimedMs: number;
  readonly left?: { readonly job: LeftJob; readonly blocks: LeftBlocks } | undefined;
}

/** Opens the journal, and records this process in it. */
export function createJobJournal({ path, log, logger, unclaimedMs, left }: JobJournalOptions): JobJournal {
  const file = openJournal(path);
  const owner = (left?.job.owner ?? 0) + 1;
  const attached = Promise.withResolvers<void>();
  /** Number of the steps of each name. */
  const counts = new Map<string, number>();
  let messages = 0;
  /** Whether the messages in the output are those that the earlier process has seen. */
  let isReplaying = left !== undefined;
  let isBroken = false;
  let isAttached = false;

  function write(record: JournalRecord): void {
    if (isBroken) return;
    try {
      file.append(record);
    } catch (error) {
      isBroken = true;
      giveUpJournal(path, error, logger);
    }
  }

  const { job: leftJob, blocks } = left ?? {};
  const isWithinStep = left !== undefined && hasOpenStep(left);

  write({ is: "owner", version: journalVersion, owner, startedAt: leftJob?.startedAt ?? Date.now() });
  return {
    left: leftJob,
    attached: attached.promise,
    get isFollowing() {
      return isWithinStep && leftJob?.lastStep?.includes("/") === true && !isAttached;
    },
    leftSecrets: toLeftSecrets(leftJob, isWithinStep),
    write,
    begin(name) {
      const number = (counts.get(name) ?? 0) + 1;
      counts.set(name, number);
      const key = number === 1 ? name : `${name} ${number}`;
      const block = leftJob?.steps.get(key);
      const exitCode = block === undefined ? undefined : blocks?.codes[block];
      if (exitCode !== undefined) return { is: "ended", exitCode };
      if (isWithinStep && key === leftJob?.lastStep)
        return { is: "open", isWithin: leftJob.checkpoint !== undefined };
      messages = 0;
      isReplaying = false;
      write({ is: "step", key, block: log().blocks });
      return { is: "new" };
    },
    async once(key, call) {
      if (leftJob?.hooks.has(key)) return;
      await call();
      write({ is: "hook", key });
    },
    toCalls: (calls) =>
      keepCalls(calls, write, () => {
        messages += 1;
        return { index: messages, known: isReplaying ? leftJob?.messages.get(messages) : undefined };
      }),
    session: {
      owner,
      left: leftJob?.session ?? [],
      isStopping: leftJob?.stop !== undefined,
      unclaimedMs,
      write,
      passed(line, offset, streams) {
        const text = isBroken ? undefined : log().checkpoint();
        if (text === undefined) return false;
        messages = 0;
        isReplaying = false;
        write({ is: "checkpoint", line, offset, text, streams });
        return true;
      },
      attached() {
        isAttached = true;
        attached.resolve();
      },
      fenced: () => endFenced(logger),
    },
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
}

/** Removes a journal that could not be written: what follows is missing in it. Never throws. */
function giveUpJournal(path: string, error: unknown, logger: Logger): void {
  const why = `its journal cannot be written: ${toMessage(error)}`;
  logger.warn(`the job ends with its process from here on: ${why}`);
  try {
    removeEntry(path);
  } catch {
    // A disk that refuses this as well refuses the job's log, which is then behind.
  }
}

/** Ends this process without a trace in the job's state, which belongs to another one. */
function endFenced(logger: Logger): void {
  logger.error("another process of the job has taken its session over; this one ends");
  process.kill(process.pid, "SIGKILL");
}

function toLeftSecrets(left: LeftJob | undefined, isWithinStep: boolean): readonly string[] {
  if (!left) return [];
  // Those of the open block are added at their places in its output.
  const later = isWithinStep ? [] : left.asides.flatMap(({ secrets = [] }) => secrets);
  return [...left.secrets, ...later];
}

function hasOpenStep({ job, blocks }: NonNullable<JobJournalOptions["left"]>): boolean {
  const block = job.lastStep === undefined ? undefined : job.steps.get(job.lastStep);
  return block === blocks.count - 1 && blocks.open !== undefined;
}

/** `next` returns the number of the next message, and its outcome in an earlier process. */
function keepCalls(
  { call }: MessageCalls,
  write: JobJournal["write"],
  next: () => { readonly index: number; readonly known: JobOutcome | undefined },
): MessageCalls {
  return {
    call(message, done) {
      const { index, known } = next();
      if (known) return void done(known);
      return call(message, (outcome) => {
        write({ is: "message", index, outcome });
        done(outcome);
      });
    },
  };
}
