import type { JobResult } from "../../core/contracts/job-events.ts";
import type { JobLog } from "../../core/contracts/job-log.ts";
import type { BlockSource } from "../../core/contracts/job-phases.ts";
import type { LogFilterCounts } from "../../core/contracts/log-filter.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import type { JobSequences } from "../commands/job-sequences.ts";
import { type BlockWatch, createBlockWatch } from "./block-watch.ts";
import { runAside } from "./aside.ts";
import type { ChunkerOptions } from "./chunker.ts";
import type { FilterChain } from "./filter-chain.ts";
import { createOutputStream, type OutputStream } from "./output-stream.ts";
import type { Spool, SpoolStats } from "./spool.ts";
import { unixSeconds } from "./events.ts";

export interface JobLogOptions {
  readonly spool: Spool;
  readonly filters: FilterChain;
  /** Called for each stream of output. */
  readonly createSequences: () => JobSequences;
  /** Returns Unix seconds. */
  readonly now?: () => number;
  readonly chunks?: ChunkerOptions;
}

/**
 * Accounts for the bytes of a job's output: each is in the spool, was dropped, is behind a mask or was a
 * message of the job. `\r\n` is one byte less in the spool, and an invalid byte three.
 */
export interface JobLogStats extends SpoolStats, LogFilterCounts {
  readonly producedBytes: number;
  /** Bytes that arrived after their command had finished, and are not in the log. */
  readonly lateBytes: number;
}

type BlockWork = Parameters<JobLog["command"]>[1];

/** The log as the job itself sees it. */
export interface WritableJobLog extends JobLog {
  /** `source`: what the block belongs to. Default: the agent itself. */
  command(directive: string, work: BlockWork, source?: BlockSource): Promise<number>;
  /** Returns the log for a part of the program or a plugin, whose blocks have this source. */
  from(source: BlockSource): JobLog;
  /**
   * As `from`, but while a block is open, `command` writes into it, below a line with its title, and the block is
   * finished after that.
   */
  beside(source: BlockSource): JobLog;
  /** Tells a listener of each block that has ended. `command` waits for the listener. */
  readonly watch: BlockWatch;
  /** Returns a text as the log would show it: with secrets masked. */
  text(text: string): string;
  /** Prepares the filters for output, which their first call would do otherwise. */
  prepare(): void;
  started(): void;
  /**
   * Adds lines to the open block, or as a block of their own with this title. Within the processing of output
   * they follow that output. Messages of the job in them are not executed. After the end it has no effect.
   */
  note(lines: string, title: string): void;
  /**
   * Ends the log. A block that is still open, because a plugin did not wait for it, is finished with 1 first.
   */
  finished(result: JobResult): void;
  readonly stats: JobLogStats;
}

/**
 * Bytes → job sequences → filters → chunker → spool, in blocks. All synchronous: the spool's append is the
 * back-pressure.
 */
export function createJobLog(options: JobLogOptions): WritableJobLog {
  const { spool, filters, now = unixSeconds } = options;
  const stream = createOutputStream({ ...options, now });
  let open: Block | undefined;
  let ended = false;
  let noteBlocks = 0;
  const watch = createBlockWatch();

  function assertFree(what: string): void {
    if (ended)
      throw new AgentError("LOG_BUSY", `${what} cannot be added to the job's log: the log has ended`);
    if (open === undefined) return;
    throw new AgentError(
      "LOG_BUSY",
      `${what} cannot be added to the job's log while the block "${open.directive}" is open`,
    );
  }

  function begin(title: string, source: BlockSource): Block {
    const directive = filters.text(title).toWellFormed();
    assertFree(`the block "${directive}"`);
    const tell = watch.begin(directive, source);
    return createBlock(directive, { spool, stream, now, tell, onFinished: () => (open = undefined) });
  }

  async function command(title: string, work: BlockWork, source: BlockSource = core): Promise<number> {
    const block = begin(title, source);
    open = block;
    try {
      return await runBlock(block, stream, work);
    } finally {
      if (block.told) await watch.wait(block.told);
    }
  }

  function writeBeside(block: Block, title: string, work: BlockWork): Promise<number> {
    const write = (lines: string) => void (block.isFinished || stream.insert(lines));
    const writing = runAside(title, work, { filters, sequences: options.createSequences(), write });
    const over = writing.catch(() => {});
    block.asides.add(over);
    void over.then(() => block.asides.delete(over));
    return writing;
  }

  return {
    prepare: () => void filters.text(""),
    started: () => spool.append({ event: "job_started", timestamp: now() }),
    finished(result) {
      if (ended) assertFree("the job's end");
      // First, since a listener of the block's end could begin another one.
      ended = true;
      open?.finish(1);
      spool.append({ event: "job_finished", timestamp: now(), result });
    },
    command,
    from: (source) => ({ command: (title, work) => command(title, work, source) }),
    beside: (source) => ({
      command: (title, work) => (open ? writeBeside(open, title, work) : command(title, work, source)),
    }),
    watch,
    text: (text) => filters.text(text).toWellFormed(),
    note(lines, title) {
      if (ended) return;
      if (open !== undefined) return stream.note(lines);
      // The disk limit applies to output only, and a job may cause any number of notes.
      if ((noteBlocks += 1) > maxNoteBlocks) return stream.countLate(lines);
      const block = begin(title, core);
      stream.note(lines);
      block.finish(0);
    },
    get stats() {
      return readStats(options, stream);
    },
  };
}

const core: BlockSource = { kind: "core" };

function readStats({ spool, filters }: JobLogOptions, stream: OutputStream): JobLogStats {
  const { droppedBytes, ...stored } = spool.stats;
  return {
    ...stored,
    ...filters.counts(),
    ...stream.counts(),
    droppedBytes: droppedBytes + filters.droppedBytes,
  };
}

interface Block {
  readonly directive: string;
  isFinished: boolean;
  /** Resolve when what is written besides the block's own output has ended. */
  readonly asides: Set<Promise<unknown>>;
  /** Resolves when the listener has handled the end of the block; `undefined` without a listener. */
  told?: Promise<void>;
  finish(exitCode: number): void;
}

/** Begins a block. */
function createBlock(
  directive: string,
  options: Pick<JobLogOptions, "spool"> & {
    readonly stream: OutputStream;
    readonly now: () => number;
    readonly tell: ((exitCode: number) => Promise<void>) | undefined;
    readonly onFinished: () => void;
  },
): Block {
  const { spool, stream, now, tell, onFinished } = options;
  const startedAt = now();
  spool.append({ event: "cmd_started", timestamp: startedAt, directive });
  stream.begin();
  const block: Block = {
    directive,
    isFinished: false,
    asides: new Set(),
    finish(exitCode) {
      if (block.isFinished) return;
      block.isFinished = true;
      stream.flush();
      onFinished();
      const finishedAt = now();
      spool.append({
        event: "cmd_finished",
        timestamp: finishedAt,
        directive,
        exit_code: exitCode,
        started_at: startedAt,
        finished_at: finishedAt,
      });
      if (tell) block.told = tell(exitCode);
    },
  };
  return block;
}

/** Writes a block, and ends it. */
async function runBlock(block: Block, stream: OutputStream, work: BlockWork): Promise<number> {
  try {
    const code = await work((chunk) => {
      if (block.isFinished) stream.countLate(chunk);
      else stream.write(chunk);
    });
    if (block.asides.size > 0) await finishAsides(block, stream);
    // An invalid exit code of a plugin must not write `null` to the log, which the web page cannot render.
    const exitCode = Number.isSafeInteger(code) ? code : 1;
    block.finish(exitCode);
    return exitCode;
  } catch (error) {
    if (!block.isFinished) stream.writeLastLine(toMessage(error));
    if (block.asides.size > 0) await finishAsides(block, stream);
    block.finish(1);
    throw error;
  }
}

/** Waits for what is written into a block besides its own output, which comes first. */
async function finishAsides({ asides }: Block, stream: OutputStream): Promise<void> {
  stream.flush();
  while (asides.size > 0) await Promise.all(asides);
}

/** Maximum number of blocks that consist of a note. */
const maxNoteBlocks = 1000;
