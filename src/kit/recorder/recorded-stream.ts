/** The address of an HTTP server. */
export interface StreamServer {
  readonly socketPath?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** Left out: without TLS. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
}

/** A stream that a recorder keeps. */
export interface RecordedStream {
  readonly server: StreamServer;
  /** Path of the POST request whose answer is the stream, raw, behind a switch of protocols. */
  readonly path: string;
  /** Path of the POST request that ends the stream when no process has come for it. */
  readonly endPath: string;
  /** Milliseconds to wait for a process. */
  readonly unclaimedMs: number;
}

/** What a recorder receives on the first line of its standard input. */
export interface RecorderInput extends RecordedStream {
  readonly version: typeof recorderVersion;
  readonly name: string;
  readonly secret: string;
}

export const recorderVersion = 1;

/** The word with which the program starts as a recorder. */
export const recorderCommand = "stream-recorder";

/** The recorder's line when the stream is open. */
export const readyLine = "ready";

/**
 * Bytes of a stream that a recorder keeps at most: then it reads no further. The process that follows the stream is
 * behind it by the buffers in between.
 */
export const maxRecordedBytes = 64 * 1024 * 1024;

/** The path of the recorder's socket, which is in no directory: nothing is left when it is killed. */
export function toSocket(name: string): string {
  return `\0signalman-recorder-${name}`;
}
