import { AgentError, toMessage } from "../../core/errors.ts";
import { createBoundedLineReader } from "../../core/text/bounded-lines.ts";
import { randomHex } from "../../core/text/random.ts";
import { toThisProgram } from "../../os/this-process/this-program.ts";
import {
  recorderCommand,
  recorderVersion,
  type RecordedStream,
  type RecorderInput,
  readyLine,
  toSocket,
} from "./recorded-stream.ts";

/** What finds a recorder again, as JSON. */
export interface RecorderHandle {
  readonly version: number;
  readonly name: string;
  readonly secret: string;
}

/**
 * A process of this program that keeps the end of a stream, so that another process can read what this one has
 * received and not stored when it dies. It reads the stream by a connection of its own: this process follows the
 * stream without it. Disposal ends it.
 */
export interface Recorder extends Disposable {
  readonly handle: RecorderHandle;
  /** Bytes before the offset are no longer wanted. */
  keep(offset: number): void;
  /** Resolves when it has died or does not answer. Stays pending after the disposal. */
  readonly lost: Promise<void>;
}

/** A recorder that has started and waits for its stream. Disposal ends it, unless it records. */
export interface WaitingRecorder extends Disposable {
  /** Resolves when it has connected to the stream, so that it gets every byte from then on. Called once. */
  record(stream: RecordedStream): Promise<Recorder>;
}

/** Milliseconds in which a recorder must have connected. */
const startMs = 20_000;
/** Interval at which a recorder is asked for a sign of life. */
const beatMs = 10_000;
/** A recorder that does not read would hold the stream up. */
const silenceMs = 30_000;

/** Starts a recorder (Linux only). `label` is in its command line. Throws `SESSION_FAILED`. */
export function startRecorder(label: string): WaitingRecorder {
  if (process.platform !== "linux")
    throw new AgentError("SESSION_FAILED", "this system has no sockets outside of directories");
  const child = spawn(label);
  let isRecording = false;
  return {
    async record(stream) {
      const handle = { version: recorderVersion, name: randomHex(16), secret: randomHex(16) };
      const input: RecorderInput = { ...stream, ...handle, version: recorderVersion };
      try {
        void child.stdin.write(`${JSON.stringify(input)}\n`);
        await child.stdin.end();
        const answer = await readAnswer(child.stdout);
        if (answer !== readyLine) throw new Error(answer || "it has exited");
        isRecording = true;
        return await follow(child, handle);
      } catch (error) {
        child.kill("SIGKILL");
        throw new AgentError("SESSION_FAILED", `the recorder could not be started: ${toMessage(error)}`, {
          cause: error,
        });
      }
    },
    [Symbol.dispose]() {
      if (!isRecording) child.kill("SIGKILL");
    },
  };
}

type Child = Bun.Subprocess<"pipe", "pipe", "ignore">;

function spawn(label: string): Child {
  try {
    const child = Bun.spawn([...toThisProgram(), recorderCommand, label], {
      argv0: process.argv0,
      // Without the variable that marks the processes of the job.
      env: {},
      cwd: "/",
      detached: true,
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.unref();
    return child;
  } catch (error) {
    throw new AgentError("SESSION_FAILED", `the recorder could not be started: ${toMessage(error)}`, {
      cause: error,
    });
  }
}

async function readAnswer(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const line = Promise.withResolvers<string>();
  const push = createBoundedLineReader({
    maxBytes: 4096,
    onLine: line.resolve,
    onTooLong: () => line.resolve("it does not answer"),
  });
  const timer = setTimeout(() => line.resolve(`no answer within ${startMs / 1000} s`), startMs);
  const reader = stdout.getReader();
  const read = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) push(part.value);
    line.resolve("");
  };
  read().catch(() => line.resolve(""));
  try {
    return await line.promise;
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}

async function follow(child: Child, handle: RecorderHandle): Promise<Recorder> {
  const lost = Promise.withResolvers<void>();
  let isOver = false;
  let keptAt = 0;
  let answeredAt = performance.now();
  const lose = () => {
    clearInterval(timer);
    if (!isOver) lost.resolve();
    isOver = true;
    child.kill("SIGKILL");
  };
  const timer = setInterval(() => {
    if (performance.now() - answeredAt > silenceMs) lose();
    else send(`keep ${keptAt}`);
  }, beatMs).unref();
  const socket = await Bun.connect({
    unix: toSocket(handle.name),
    socket: {
      data: () => void (answeredAt = performance.now()),
      close: lose,
      end: lose,
      error: lose,
    },
  });
  socket.unref();
  const send = (line: string) => {
    if (isOver) return;
    socket.write(`${line}\n`);
    socket.flush();
  };
  send(handle.secret);
  return {
    handle,
    keep(offset) {
      keptAt = offset;
      send(`keep ${offset}`);
    },
    lost: lost.promise,
    [Symbol.dispose]() {
      send("bye");
      isOver = true;
      clearInterval(timer);
      socket.end();
    },
  };
}

/** What an earlier process has left of a stream, and what follows. Disposal closes the connection. */
export interface Recording extends Disposable {
  /** Resolves when the stream has ended, or is no longer recorded. Never rejects. */
  readonly ended: Promise<void>;
  /** Bytes before the offset are no longer wanted. */
  keep(offset: number): void;
  /** Ends the recorder. */
  end(): void;
}

/**
 * Reads a recorded stream from an offset on. `onData` gets bytes that are valid during the call only. Rejects with
 * `SESSION_FAILED` when the recorder is gone.
 */
export async function openRecording(
  handle: RecorderHandle,
  offset: number,
  onData: (bytes: Uint8Array) => void,
): Promise<Recording> {
  if (handle.version !== recorderVersion)
    throw new AgentError(
      "SESSION_FAILED",
      `its recorder has version ${handle.version}, and this program expects ${recorderVersion}`,
    );
  const ended = Promise.withResolvers<void>();
  const end = () => ended.resolve();
  try {
    const socket = await Bun.connect({
      unix: toSocket(handle.name),
      socket: { data: (_, bytes) => onData(bytes), close: end, end, error: end },
    });
    const send = (line: string) => {
      socket.write(`${line}\n`);
      socket.flush();
    };
    send(`${handle.secret} ${offset}`);
    return {
      ended: ended.promise,
      keep: (kept) => send(`keep ${kept}`),
      end: () => send("bye"),
      [Symbol.dispose]: () => void socket.end(),
    };
  } catch (cause) {
    throw new AgentError("SESSION_FAILED", "the recorder of its output is gone", { cause });
  }
}
