import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { onAbort } from "../core/aborted.ts";
import { AgentError, toMessage } from "../core/errors.ts";
import { createBoundedLineReader } from "../core/text/bounded-lines.ts";
import { randomHex } from "../core/text/random.ts";
import { toJobSequence } from "../job/commands/job-sequences.ts";
import { type JobAnswer, type JobMessage, maxMessageBytes } from "../job/commands/messages.ts";

/**
 * Sends a line over a job's socket and resolves to the answer. There is no time-out: the job answers at that of the
 * command, and the connection ends with the job's process.
 */
export async function askBySocket(
  path: string,
  line: string,
  signal: AbortSignal | undefined,
): Promise<JobAnswer> {
  const endsAt = performance.now() + fullMs;
  for (;;) {
    try {
      return await exchange(path, line, signal);
    } catch (error) {
      const { code } = Object((error as Error).cause) as { code?: string };
      if ((code !== "ECONNREFUSED" && code !== "EAGAIN") || performance.now() > endsAt) throw error;
      await Bun.sleep(20 + 80 * Math.random());
    }
  }
}

/**
 * Milliseconds for which a refused connection is tried again: the job may not have accepted those of many other
 * processes yet. The socket of a job that has ended does not exist.
 */
const fullMs = 3000;

function exchange(path: string, line: string, signal: AbortSignal | undefined): Promise<JobAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<JobAnswer>();
  const fail = (why: string, cause?: unknown) => {
    socket.destroy();
    reject(new AgentError("JOB_UNREACHABLE", `the job at "${path}" ${why}`, { cause }));
  };
  const socket = connect(path, () => socket.write(line));
  socket.on("error", (error) => fail(`cannot be reached: ${toMessage(error)}`, error));
  socket.on("close", () => fail("has ended, or does not answer"));
  const push = createBoundedLineReader({
    maxBytes: maxMessageBytes,
    onLine(text) {
      const answer = parseAnswer(text);
      if (answer === undefined) return fail("sent an answer that is not understood");
      resolve(answer);
      socket.destroy();
    },
    onTooLong: () => fail("sent an answer that is too long"),
  });
  socket.on("data", push);
  const aborted = onAbort(signal, () => {
    socket.destroy();
    reject(signal!.reason as Error);
  });
  return promise.finally(() => aborted[Symbol.dispose]());
}

/**
 * Milliseconds to wait for an answer in a file. The time-out of a command is unknown here, and no connection ends
 * with the job.
 */
const fileMs = 2 * 3_600_000;

/** Prints a message as a terminal sequence and resolves to the answer, which appears as a file in `directory`. */
export async function askBySequence(
  directory: string,
  message: JobMessage,
  signal: AbortSignal | undefined,
): Promise<JobAnswer> {
  const name = randomHex(16);
  print(toJobSequence({ ...message, answer: name }));
  const path = join(directory, name);
  const endsAt = performance.now() + fileMs;
  for (let pauseMs = 10; performance.now() < endsAt; pauseMs = Math.min(1.5 * pauseMs, 250)) {
    const text = readIfComplete(path);
    const answer = text === undefined ? undefined : parseAnswer(text);
    if (answer !== undefined) return answer;
    if (text !== undefined)
      throw new AgentError("JOB_UNREACHABLE", `the answer of the job in "${path}" is not understood`);
    await Bun.sleep(pauseMs);
    signal?.throwIfAborted();
  }
  throw new AgentError(
    "JOB_UNREACHABLE",
    `the job did not answer in "${path}" within ${fileMs / 3_600_000} h`,
  );
}

/** Standard output may be a file or a pipe; the session reads its terminal. */
function print(sequence: string): void {
  let fd: number;
  try {
    fd = openSync("/dev/tty", constants.O_WRONLY | constants.O_NOCTTY);
  } catch (cause) {
    const why = `neither a terminal for a sequence nor a socket was found: ${toMessage(cause)}`;
    throw new AgentError("JOB_UNREACHABLE", why, { cause });
  }
  try {
    writeSync(fd, sequence);
  } finally {
    closeSync(fd);
  }
}

/** Returns `undefined` until the file ends with a newline. */
function readIfComplete(path: string): string | undefined {
  try {
    const text = readFileSync(path, "utf8");
    return text.endsWith("\n") ? text : undefined;
  } catch {
    return undefined;
  }
}

function parseAnswer(text: string): JobAnswer | undefined {
  try {
    const answer = JSON.parse(text) as JobAnswer | null;
    return answer?.is === "done" || answer?.is === "refused" ? answer : undefined;
  } catch {
    return undefined;
  }
}
