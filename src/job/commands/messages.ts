/** Environment variable with the path of the job's socket. Not set where the job has none. */
export const jobSocketVariable = "SIGNALMAN_JOB_SOCKET";

/** Version of the messages below. The program that a job calls may be older or newer than the job's process. */
export const jobMessagesVersion = 1;

/** A message to the job: one JSON object per line, each answered in turn. `do` names the command. */
export interface JobMessage {
  readonly version: number;
  readonly do: string;
}

/** An answer of the job: one JSON object per line. After `refused` the job may close the connection. */
export type JobAnswer =
  | { readonly is: "done"; readonly version: number }
  | { readonly is: "refused"; readonly version: number; readonly why: string };

/** Maximum length of a message in bytes. */
export const maxMessageBytes = 256 * 1024;
