import type { JobLog } from "../../core/contracts/job-log.ts";
import { toMessage } from "../../core/errors.ts";
import { runAside } from "./aside.ts";
import type { OutputStreamOptions } from "./output-stream.ts";
import type { LeftBlock } from "./left-blocks.ts";
import type { ContinuedBlock, KeptStream } from "./kept-stream.ts";
import type { Spool } from "./spool.ts";

/** A block of a job's log, from its `cmd_started` to its `cmd_finished`. */
export interface Block {
  readonly directive: string;
  isFinished: boolean;
  /** Resolve when what is written besides the block's own output has ended. */
  readonly asides: Set<Promise<unknown>>;
  /** Resolves when the listener has handled the end of the block; `undefined` without a listener. */
  told?: Promise<void> | undefined;
  finish(exitCode: number): void;
}

export type BlockWork = Parameters<JobLog["command"]>[1];

export interface BlockOptions extends Pick<BlockPlace, "spool" | "stream" | "now"> {
  readonly tell: ((exitCode: number) => Promise<void> | undefined) | undefined;
  readonly onFinished: () => void;
  /** The block of an earlier process of the job, which is continued. Left out: a new one begins. */
  readonly left?: ContinuedBlock & Pick<LeftBlock, "startedAt">;
}

interface BlockPlace {
  readonly spool: Pick<Spool, "append">;
  readonly stream: KeptStream;
  /** Returns Unix seconds. */
  readonly now: () => number;
}

/** Begins a block, or continues one. */
export function createBlock(directive: string, options: BlockOptions): Block {
  const { spool, stream, now, tell, onFinished, left } = options;
  const startedAt = left?.startedAt ?? now();
  if (!left) spool.append({ event: "cmd_started", timestamp: startedAt, directive });
  stream.begin(left);
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
export async function runBlock(block: Block, stream: KeptStream, work: BlockWork): Promise<number> {
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

/** Writes into an open block besides its own output: whole lines, below a line with the title. */
export function writeBeside(
  block: Block,
  title: string,
  work: BlockWork,
  options: Pick<OutputStreamOptions, "filters" | "createSequences"> & { readonly stream: KeptStream },
): Promise<number> {
  const { filters, createSequences, stream } = options;
  const write = (lines: string) => void (block.isFinished || stream.insert(lines));
  const writing = runAside(title, work, { filters, sequences: createSequences(), write });
  const over = writing.catch(() => {});
  block.asides.add(over);
  void over.then(() => block.asides.delete(over));
  return writing;
}

/** The open block of an earlier process of the job, until it is continued or ended. */
export function createLeftBlock(
  open: LeftBlock | undefined,
  { spool, now }: Pick<BlockPlace, "spool" | "now">,
): { take(): LeftBlock | undefined; end(): void } {
  let block = open;
  const take = () => {
    const taken = block;
    block = undefined;
    return taken;
  };
  return {
    take,
    end() {
      const left = take();
      if (!left) return;
      const { directive, startedAt, atLineStart } = left;
      const timestamp = now();
      const notice = "[signalman: the job's process died, and this block was not continued]";
      spool.append({ event: "cmd_output", timestamp, output: `${atLineStart ? "" : "\n"}${notice}\n` });
      const times = { timestamp, started_at: startedAt, finished_at: timestamp };
      spool.append({ event: "cmd_finished", directive, exit_code: 1, ...times });
    },
  };
}

/** Waits for what is written into a block besides its own output, which comes first. */
async function finishAsides({ asides }: Block, stream: KeptStream): Promise<void> {
  stream.flush();
  while (asides.size > 0) await Promise.all(asides);
}
