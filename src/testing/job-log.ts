import { toMessage } from "../core/errors.ts";
import type { JobLog, Output } from "../core/contracts/job-log.ts";

/** A block of a job's log, which the job page shows as one fold. */
export interface LogBlock {
  readonly directive: string;
  readonly output: string;
  /** `undefined` while the block is open. */
  readonly exitCode: number | undefined;
}

/** A job's log that keeps its blocks. */
export interface RecordingJobLog extends JobLog {
  readonly blocks: readonly LogBlock[];
}

/** A job's log in memory that follows the contract of {@link JobLog}. */
export function createRecordingJobLog(): RecordingJobLog {
  const blocks: RecordedBlock[] = [];
  return {
    blocks,
    async command(directive, work) {
      if (blocks.some(({ exitCode }) => exitCode === undefined)) {
        throw new Error(`block "${directive}" cannot start while another one is open`);
      }
      const block = new RecordedBlock(directive);
      blocks.push(block);
      try {
        block.exitCode = await work(block.capture.output);
        return block.exitCode;
      } catch (error) {
        block.capture.output(`${toMessage(error)}\n`);
        block.exitCode = 1;
        throw error;
      }
    },
  };
}

/** Collects output. */
export interface Capture {
  readonly output: Output;
  bytes(): Uint8Array;
  /** The output as UTF-8, with the terminal's `\r\n` as `\n`. */
  text(): string;
}

export function createCapture(): Capture {
  const chunks: Uint8Array[] = [];
  const bytes = (): Uint8Array => Buffer.concat(chunks);
  return {
    output: (chunk) => {
      chunks.push(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk.slice());
    },
    bytes,
    text: () => new TextDecoder().decode(bytes()).replaceAll("\r\n", "\n"),
  };
}

class RecordedBlock implements LogBlock {
  readonly directive: string;
  readonly capture = createCapture();
  exitCode: number | undefined;

  constructor(directive: string) {
    this.directive = directive;
  }

  get output(): string {
    return this.capture.text();
  }
}
