import type { JobResult } from "../../core/contracts/job-events.ts";
import type { JobLog } from "../../core/contracts/job-log.ts";
import type { BlockSource } from "../../core/contracts/job-phases.ts";
import type { LogFilterCounts } from "../../core/contracts/log-filter.ts";
import { AgentError } from "../../core/errors.ts";
import type { JobSequences } from "../commands/job-sequences.ts";
import { type BlockWatch, createBlockWatch } from "./block-watch.ts";
import type { ChunkerOptions } from "./chunker.ts";
import type { FilterChain } from "./filter-chain.ts";
import type { LeftBlocks } from "./left-blocks.ts";
import {
  createKeptStream,
  type ContinuedBlock,
  type KeptStream,
  type StreamKeeping,
  toKeptStream,
} from "./kept-stream.ts";
import { createOutputStream } from "./output-stream.ts";
import { type Block, type BlockWork, createBlock, createLeftBlock, runBlock, writeBeside } from "./block.ts";
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
  /** Set for a job that another process may continue. */
  readonly keeping?: StreamKeeping | undefined;
  /** What an earlier process of the job has written. */
  readonly left?: LeftLog | undefined;
}

/** The log of an earlier process of a job. */
export interface LeftLog {
  /** Whether it has begun. */
  readonly isStarted: boolean;
  readonly blocks: LeftBlocks;
  /** What the open block is continued with. */
  readonly continued: Pick<ContinuedBlock, "from" | "asides">;
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

/** The log as the job itself sees it. */
export interface WritableJobLog extends JobLog {
  /** `source`: what the block belongs to. Default: the agent itself. */
  command(directive: string, work: BlockWork, source?: BlockSource): Promise<number>;
  /** As `command`, in the open block of an earlier process of the job: text that is in the log is not added again. */
  continued(directive: string, work: BlockWork, source?: BlockSource): Promise<number>;
  /** Number of blocks that have begun. */
  readonly blocks: number;
  /** See {@link KeptStream}; `undefined` also without an open block. */
  checkpoint(): number | undefined;
  /** Values are masked from here on; another process of the job has to know. */
  addSecrets(values: readonly string[]): void;
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
  const { spool, filters, left, now = unixSeconds } = options;
  const stream = createStream(options, now);
  let open: Block | undefined;
  let ended = false;
  let noteBlocks = 0;
  let blocks = left?.blocks.count ?? 0;
  /** The open block of an earlier process. */
  const leftBlock = createLeftBlock(left?.blocks.open, { spool, now });
  const watch = createBlockWatch();

  const onFinished = () => (open = undefined);

  function assertFree(what: string): void {
    const why = ended ? ": the log has ended" : open && ` while the block "${open.directive}" is open`;
    if (why) throw new AgentError("LOG_BUSY", `${what} cannot be added to the job's log${why}`);
  }

  function begin(title: string, source: BlockSource): Block {
    const directive = filters.text(title).toWellFormed();
    assertFree(`the block "${directive}"`);
    leftBlock.end();
    blocks += 1;
    const tell = watch.begin(directive, source);
    return createBlock(directive, { spool, stream, now, tell, onFinished });
  }

  function resume(title: string, source: BlockSource): Block {
    const continued = leftBlock.take();
    if (!left || !continued) return begin(title, source);
    const { directive } = continued;
    const tell = watch.begin(directive, source);
    const own = { ...continued, ...left.continued };
    return createBlock(directive, { spool, stream, now, tell, onFinished, left: own });
  }

  const command: WritableJobLog["command"] = async (title, work, source = core) =>
    runIn(begin(title, source), work);

  async function runIn(block: Block, work: BlockWork): Promise<number> {
    open = block;
    try {
      return await runBlock(block, stream, work);
    } finally {
      if (block.told) await watch.wait(block.told);
    }
  }

  return {
    prepare: () => void filters.text(""),
    started() {
      if (!left?.isStarted) spool.append({ event: "job_started", timestamp: now() });
    },
    finished(result) {
      if (ended) assertFree("the job's end");
      // First, since a listener of the block's end could begin another one.
      ended = true;
      open?.finish(1);
      leftBlock.end();
      spool.append({ event: "job_finished", timestamp: now(), result });
    },
    command,
    continued: async (title, work, source = core) => runIn(resume(title, source), work),
    get blocks() {
      return blocks;
    },
    checkpoint: () => open && stream.checkpoint(),
    addSecrets: stream.addSecrets,
    from: (source) => ({ command: (title, work) => command(title, work, source) }),
    beside: (source) => ({
      command: async (title, work) =>
        open ? writeBeside(open, title, work, { ...options, stream }) : command(title, work, source),
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

function readStats({ spool, filters }: JobLogOptions, stream: KeptStream): JobLogStats {
  const { droppedBytes, ...stored } = spool.stats;
  return {
    ...stored,
    ...filters.counts(),
    ...stream.counts(),
    droppedBytes: droppedBytes + filters.droppedBytes,
  };
}

function createStream({ keeping, ...options }: JobLogOptions, now: () => number): KeptStream {
  const own = { ...options, now };
  return keeping ? createKeptStream(own, keeping) : toKeptStream(createOutputStream(own));
}

/** Maximum number of blocks that consist of a note. */
const maxNoteBlocks = 1000;
