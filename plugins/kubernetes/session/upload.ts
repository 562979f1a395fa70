import { setTimeout as sleep } from "node:timers/promises";
import { AgentError, createTextStart, onAbort } from "signalman";
import { createBoundedLineReader } from "signalman/executor";
import type { Client } from "../client/client.ts";
import { type Exec, type ExecEnd, isForbidden, startExec } from "../client/exec.ts";
import kills from "./kills.sh" with { type: "text" };
import script from "./upload.sh" with { type: "text" };
import { refusalMs, toRefusalReason } from "../wait/rights-loss.ts";

export interface UploadOptions {
  readonly client: Client;
  readonly pod: string;
  readonly container: string;
  /** Name of the session's file. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The file is for a shell beside the job's: the out-of-memory kills are not recorded. */
  readonly isBeside?: boolean;
  /** Aborts when the session has ended. */
  readonly signal: AbortSignal;
}

/**
 * Failed attempts of the script after which the upload fails: the cause is in the pod, such as a full disk.
 */
const maxFailures = 3;
/** Size of one message; an interrupted one is sent again. */
const pieceBytes = 16 * 1024;
const bufferedBytes = 2 * 1024 * 1024;

/** Uploads a file to the pod. After a lost connection, another one continues at the last received byte. */
export async function upload(options: UploadOptions): Promise<void> {
  const { name, bytes, pod, signal } = options;
  let refusedAt: number | undefined;
  for (let failed = 0, round = 0, last = 0; ; round += 1) {
    signal.throwIfAborted();
    const { end, errorText, received, isFlooding } = await attempt(options);
    refusedAt = isForbidden(end) ? (refusedAt ?? performance.now()) : undefined;
    if (refusedAt !== undefined && performance.now() - refusedAt > refusalMs)
      throw new AgentError("SESSION_FAILED", toRefusalReason(end.message));
    if (received > last) round = 0;
    last = received;
    if (end.kind === "exited" && end.code === 0) return;
    if (isFlooding || (end.kind === "exited" && errorText !== "")) failed += 1;
    if (failed === maxFailures)
      throw new AgentError(
        "SESSION_FAILED",
        `"${name}" (${bytes.length} bytes) could not be written in pod "${pod}": ${errorText}`,
      );
    await sleep(Math.min(2000, 20 * 1.5 ** Math.min(round, 12)), undefined, { signal });
  }
}

interface Attempt {
  readonly end: ExecEnd;
  /** Standard error of the script. */
  readonly errorText: string;
  /** Number of bytes that the pod had received when the connection was established. */
  readonly received: number;
  /** The pod sent more than the script ever answers, and the connection was closed. */
  readonly isFlooding: boolean;
}

async function attempt(options: UploadOptions): Promise<Attempt> {
  const { client, pod, container, name, bytes, signal, isBeside } = options;
  const stderr = createTextStart(4096);
  let received = 0;
  let isFlooding = false;
  let sending: Promise<void> | undefined;
  const exec = await startExec(client, {
    pod,
    container,
    command: [
      "bash",
      "-c",
      (isBeside ? "note_kills() { :; }\n" : kills) + script,
      "signalman-upload",
      name,
      String(bytes.length),
    ],
    onStdout: (chunk) => readAnswer(chunk),
    onStderr(chunk) {
      stderr.add(chunk);
      if (stderr.isCut) flood();
    },
  });
  const flood = () => {
    isFlooding = true;
    exec.close();
  };
  const readAnswer = createBoundedLineReader({
    maxBytes: 100,
    onLine(line) {
      const count = Number(line);
      received = Number.isSafeInteger(count) && count >= 0 ? count : 0;
      sending ??= send(exec, bytes.subarray(received));
    },
    onTooLong: flood,
  });
  using _listener = onAbort(signal, () => exec.close());
  const end = await exec.ended;
  await sending;
  return { end, errorText: stderr.text.trim(), received, isFlooding };
}

/** Sends bytes in pieces, with back-pressure. */
async function send(exec: Exec, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length && exec.isOpen; at += pieceBytes) {
    exec.write(bytes.subarray(at, at + pieceBytes));
    while (exec.isOpen && exec.buffered > bufferedBytes) await Bun.sleep(2);
  }
}
