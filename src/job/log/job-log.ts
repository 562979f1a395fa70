import type { JobLog } from "../../core/contracts/job-log.ts";
import type { JobResult } from "../../core/contracts/job-events.ts";
import type { Redactor } from "./redactor.ts";
import type { Spool, SpoolStats } from "./spool.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { createChunker, type ChunkerOptions } from "./chunker.ts";
import { unixSeconds } from "./unix-seconds.ts";

export interface JobLogOptions {
  readonly spool: Spool;
  readonly redactor: Redactor;
  /** Unix seconds. */
  readonly now?: () => number;
  /** Gets each piece of output, masked, once the spool has had it. */
  readonly onOutput?: (text: string) => void;
  readonly chunks?: ChunkerOptions;
}

/**
 * Where the bytes of a job's output went. What was produced stands in the spool, was dropped, or is behind a mask; `\r\n` is one
 * byte less there, and an invalid byte three.
 */
export interface JobLogStats extends SpoolStats {
  readonly producedBytes: number;
  readonly redactedBytes: number;
  readonly redactions: number;
  /** Came after its command had finished, and is not in the log. */
  readonly lateBytes: number;
}

/** The log with its two ends, for who runs the job. */
export interface WritableJobLog extends JobLog {
  started(): void;
  /** A block that is still open (a plugin did not wait for it) is finished with 1 first. */
  finished(result: JobResult): void;
  readonly stats: JobLogStats;
}

/** Bytes → redactor → chunker → spool, in blocks. All synchronous: the spool's append is the back-pressure. */
export function createJobLog(options: JobLogOptions): WritableJobLog {
  const { spool, redactor, now = unixSeconds, onOutput } = options;
  let open: { readonly directive: string; readonly finish: (exitCode: number) => void } | undefined;
  let ended = false;
  let atLineStart = true;
  let producedBytes = 0;
  let lateBytes = 0;

  const chunker = createChunker((output) => {
    spool.append({ event: "cmd_output", timestamp: now(), output });
    atLineStart = output.endsWith("\n");
    onOutput?.(output);
  }, options.chunks);

  function write(chunk: Uint8Array | string): void {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    producedBytes += bytes.length;
    chunker.push(redactor.push(bytes));
  }

  function flush(): void {
    chunker.push(redactor.flush());
    chunker.end();
  }

  function assertFree(what: string): void {
    if (ended) throw new AgentError("LOG_BUSY", `${what} cannot go into the job's log: the log has ended`);
    if (open === undefined) return;
    throw new AgentError(
      "LOG_BUSY",
      `${what} cannot go into the job's log while the block "${open.directive}" is open`,
    );
  }

  return {
    started: () => spool.append({ event: "job_started", timestamp: now() }),
    finished(result) {
      open?.finish(1);
      assertFree("the job's end");
      ended = true;
      spool.append({ event: "job_finished", timestamp: now(), result });
    },
    async command(name, work) {
      const directive = redactor.redactText(name).toWellFormed();
      assertFree(`the block "${directive}"`);
      const startedAt = now();
      spool.append({ event: "cmd_started", timestamp: startedAt, directive });
      atLineStart = true;
      let finished = false;
      const finish = (exitCode: number) => {
        if (finished) return;
        finished = true;
        flush();
        open = undefined;
        const finishedAt = now();
        spool.append({
          event: "cmd_finished",
          timestamp: finishedAt,
          directive,
          exit_code: exitCode,
          started_at: startedAt,
          finished_at: finishedAt,
        });
      };
      open = { directive, finish };
      try {
        const code = await work((chunk) => {
          if (finished) lateBytes += Buffer.byteLength(chunk);
          else write(chunk);
        });
        // A plugin's mistake must not put `null` into the log, which would stop the page that shows it.
        const exitCode = Number.isSafeInteger(code) ? code : 1;
        finish(exitCode);
        return exitCode;
      } catch (error) {
        if (!finished) {
          flush();
          write(`${atLineStart ? "" : "\n"}${toMessage(error)}\n`);
        }
        finish(1);
        throw error;
      }
    },
    get stats() {
      const { count: redactions, redactedBytes } = redactor;
      return { ...spool.stats, producedBytes, redactedBytes, redactions, lateBytes };
    },
  };
}
