/** Receives a command's output: raw bytes or text. Synchronous: when it returns, the bytes are on their way to disk. */
export type Output = (chunk: Uint8Array | string) => void;

/** The log of one job, as executors and plugins see it. Blocks never nest; each block that starts also finishes. */
export interface JobLog {
  /**
   * Adds a block to the log, the only way to write to it: writes `cmd_started`, runs `work`, and writes
   * `cmd_finished` with the exit code that `work` resolves to. When `work` throws, the error's message
   * becomes the last line of the block, the block finishes with 1, and the error is thrown to the caller.
   * Throws `LOG_BUSY` while another block is open.
   */
  command(directive: string, work: (output: Output) => number | Promise<number>): Promise<number>;
}
