/** Limits of the HTTPS server. */
export interface Limits {
  /** Maximum number of open connections. */
  readonly connections: number;
  /** Maximum size of a request's header in bytes. */
  readonly headerBytes: number;
  /** Maximum size of a request's body in bytes. */
  readonly bodyBytes: number;
  /**
   * Maximum milliseconds for the TLS handshake, for a whole request, and for a client to read 256 KiB of an
   * answer.
   */
  readonly requestMs: number;
  /** Maximum milliseconds between two requests of a connection (protocol section 8.3). */
  readonly idleMs: number;
}

/** Accepts a job request with 64 MiB of files, which base64 makes a third larger, and refuses 100 MB. */
export const defaultLimits: Limits = {
  connections: 256,
  headerBytes: 16 * 1024,
  bodyBytes: 90 * 1024 * 1024,
  requestMs: 10_000,
  idleMs: 30_000,
};
