/** Where a job's processes find the socket of the job that they belong to. Not set where there is none. */
export const jobSocketVariable = "SIGNALMAN_JOB_SOCKET";

/** Of the messages below. The program that a job calls may be older or newer than its job's process. */
export const jobMessagesVersion = 1;

/** To the job: one JSON object a line, each answered in its turn. */
export type JobAsk = RedactAsk & { readonly version: number };

/** Masks these values (base64) in all that the job's log gets from the answer on. All of them, or none. */
export interface RedactAsk {
  readonly do: "redact";
  readonly values: readonly string[];
}

/** From the job: one JSON object a line. Behind `refused` the job may close the connection. */
export type JobAnswer =
  | { readonly is: "done"; readonly version: number }
  | { readonly is: "refused"; readonly version: number; readonly why: string };

/** Of the messages; no line is longer. */
export const maxMessageBytes = 256 * 1024;

/** Of what a job may add to what its log masks. */
export const redactLimits = { valueBytes: 64 * 1024, values: 1000, bytes: 1024 * 1024 } as const;
