/** Why an agent shuts down. The shutdown hook receives it in upper case (protocol section 6.5). */
export type StopReason = "idle" | "job-finished" | "requested" | "interrupted" | "unable-to-sync" | "unknown";
