/** A job's result as it is reported (protocol section 2.3). */
export type JobResult = "passed" | "failed" | "stopped";

/** The events of a job's log (protocol section 5.1). All times are whole Unix seconds. */
export type JobEvent =
  | { readonly event: "job_started"; readonly timestamp: number }
  | { readonly event: "cmd_started"; readonly timestamp: number; readonly directive: string }
  | { readonly event: "cmd_output"; readonly timestamp: number; readonly output: string }
  | {
      readonly event: "cmd_finished";
      readonly timestamp: number;
      readonly directive: string;
      readonly exit_code: number;
      readonly started_at: number;
      readonly finished_at: number;
    }
  | { readonly event: "job_finished"; readonly timestamp: number; readonly result: JobResult };
