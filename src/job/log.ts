import type { Output } from "../log/output.ts";

/** The log of one job, as everything but the spool sees it. Blocks never nest; each that starts also finishes. */
export interface JobLog {
  /**
   * The one way to put a block into the log. Writes `cmd_started`, runs `work`, writes `cmd_finished` with what it
   * resolves to. When `work` throws, the message becomes the last line of the block, which finishes with 1, and the
   * error goes on to the caller. A call while another block is open is refused.
   */
  command(directive: string, work: (output: Output) => number | Promise<number>): Promise<number>;
}
