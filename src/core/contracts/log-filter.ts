import type { JobRequest } from "./job-request.ts";

/** What a log filter receives for one job. */
export interface LogFilterContext {
  /** The job's request, with the variables that the agent adds (`env-vars`). */
  readonly job: JobRequest;
  /** Tokens of the agent itself. */
  readonly secrets: readonly string[];
  /** Masks these values in the agent's own log from now on. */
  addSecrets(values: readonly string[]): void;
}

/**
 * Changes the output of one job before it is stored: masks, drops or rewrites bytes. All methods are
 * synchronous, since they are on the path from the terminal to the disk. When several plugins provide
 * filters, each gets the output of the one before it, in the order of the configuration.
 *
 * A filter that throws is not called again: from then on the job's output is dropped and counted, and the
 * job's log reports it.
 */
export interface LogFilter {
  /**
   * Takes the next bytes of output and returns those that are decided. May return `bytes` itself. The filter
   * must copy bytes that it holds back, and must hold back only a bounded number. The result is valid until
   * the next call.
   */
  push(bytes: Uint8Array): Uint8Array;
  /** Returns the bytes that were held back. Called at the end of each block; the next byte starts a new stream. */
  flush(): Uint8Array;
  /**
   * Number of bytes that are held back at the moment. Left out: unknown, and a job in a pod can be continued after
   * the death of its process only from the beginning of a command's output.
   */
  readonly heldBytes?: number;
  /** Filters a complete text, such as a directive, independently of the stream. */
  text(text: string): string;
  /**
   * A plugin sets a variable of the job: from here on its value is to be masked if `isSecret`, or if the filter
   * would mask it in the request. May throw when it can mask no more; then the variable is not set.
   */
  addVariable?(variable: AddedVariable): void;
  /** Bytes that were masked and the number of masks, over the whole job. */
  counts(): LogFilterCounts;
}

/** A variable that a plugin sets, as log filters get it. */
export interface AddedVariable {
  readonly name: string;
  readonly value: string;
  readonly isSecret: boolean;
}

/** What a log filter has masked so far in one job. */
export interface LogFilterCounts {
  /** Bytes of output that masks stand for. */
  readonly maskedBytes: number;
  /** Number of masks in the output. */
  readonly masks: number;
}

/** Opens the filter of one job. */
export interface LogFilterFactory {
  open(context: LogFilterContext): LogFilter;
}
