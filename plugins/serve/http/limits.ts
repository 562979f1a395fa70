import type { HttpLimits } from "signalman/http";

/** Limits of the HTTPS server. */
export type Limits = Required<Omit<HttpLimits, "requests" | "answerMs" | "stallMs">>;

/** Accepts a job request with 64 MiB of files, which base64 makes a third larger, and refuses 100 MB. */
export const defaultLimits: Limits = {
  connections: 256,
  headerBytes: 16 * 1024,
  bodyBytes: 90 * 1024 * 1024,
  requestMs: 10_000,
  // Protocol section 8.3.
  idleMs: 30_000,
};
