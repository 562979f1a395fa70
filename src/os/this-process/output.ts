import { fstatSync } from "node:fs";
import { loadLibc } from "../processes/libc.ts";

/** Stdout or stderr of this process, for the program's own output. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  /** Never throws. `done` receives the error of an output that is closed or full. */
  write(chunk: string | Uint8Array, done?: (error?: Error | null) => void): unknown;
  /** Calls the listener when a write fails for the first time. */
  once(event: "error", listener: (error: Error) => void): unknown;
}

const outputs = new Map<1 | 2, Output>();
const plainOutputs = new Set<PlainOutput>();
const runtimeStreams = new Set<NodeJS.WriteStream>();

/** Returns stdout, also when it is reserved. */
export function stdout(): Output {
  return open(1);
}

export function stderr(): Output {
  return open(2);
}

/**
 * Keeps stdout for `stdout()`: everything else that this process or its children write to it goes to stderr
 * from here on.
 */
export function reserveStdout(): void {
  // It has a descriptor of its own, so that it still leads to stdout.
  stdout();
  loadLibc()?.duplicate(2, 1);
  Object.defineProperty(process, "stdout", { configurable: true, value: process.stderr });
}

/** Prepares `process.stdout` and `process.stderr` for code that uses them: a reader that exits is no failure. */
export function openRuntimeStreams(): void {
  openRuntimeStream(process.stdout);
  openRuntimeStream(process.stderr);
}

/** Ends all streams. Resolves when their readers have what was written. */
export async function endOutputs(): Promise<void> {
  await Promise.all([
    ...[...plainOutputs].map((output) => output.end()),
    ...[...runtimeStreams].map(endStream),
  ]);
}

function open(fd: 1 | 2): Output {
  let output = outputs.get(fd);
  if (output !== undefined) return output;
  // The runtime's stream knows the size of a terminal, and takes two milliseconds to load.
  if (mayBeTerminal(fd)) output = openRuntimeStream(fd === 1 ? process.stdout : process.stderr);
  else plainOutputs.add((output = openPlain(fd)));
  outputs.set(fd, output);
  return output;
}

interface PlainOutput extends Output {
  end(): Promise<void>;
}

/** Opens a file, a pipe or a socket. */
function openPlain(fd: 1 | 2): PlainOutput {
  const sink = Bun.file(fd).writer();
  const failed = Promise.withResolvers<Error>();
  let failure: NodeJS.ErrnoException | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const put = async (chunk: string | Uint8Array, done?: (error?: Error) => void) => {
    try {
      // A full disk may have space again; a pipe without a reader stays closed.
      if (failure?.code !== "EPIPE") {
        await Promise.all([sink.write(chunk), sink.flush()]);
        failure = undefined;
      }
    } catch (error) {
      failure = error as Error;
      failed.resolve(failure);
    }
    done?.(failure);
  };
  return {
    write: (chunk, done) => void (last = put(chunk, done)),
    once: (_event, listener) => void failed.promise.then(listener),
    async end() {
      await last;
      try {
        await sink.end();
      } catch {
        // Its reader is gone.
      }
    },
  };
}

function openRuntimeStream(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  if (!runtimeStreams.has(stream)) stream.on("error", () => {});
  runtimeStreams.add(stream);
  return stream;
}

/** An empty write would call back while Bun still holds what a slow reader has not read. */
function endStream(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((done) => {
    stream.once("close", done);
    stream.end(() => done());
  });
}

function mayBeTerminal(fd: 1 | 2): boolean {
  try {
    const stats = fstatSync(fd);
    return stats.isCharacterDevice() && stats.rdev !== nullDevice;
  } catch {
    return true;
  }
}

/** Device 1:3 of Linux. */
const nullDevice = 0x103;
