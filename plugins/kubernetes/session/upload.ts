import { setTimeout as sleep } from "node:timers/promises";
import { AgentError, createTextStart, onAbort } from "signalman";
import { createBoundedLineReader } from "signalman/executor";
import type { Client } from "../client/client.ts";
import { type Exec, type ExecEnd, startExec } from "../client/exec.ts";
import kills from "./kills.sh" with { type: "text" };
import script from "./upload.sh" with { type: "text" };

export interface UploadOptions {
  readonly client: Client;
  readonly pod: string;
  readonly container: string;
  /** Name of the session's file. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Aborts when the pod is out of reach for good. */
  readonly signal: AbortSignal;
}

/** A script that fails so often in its pod fails for a reason of its own, such as a full disk. */
const failures = 3;
/** What a cut loses at most. */
const pieceBytes = 16 * 1024;
const bufferedBytes = 2 * 1024 * 1024;

/** Brings a file into the pod, over as many connections as that takes: each goes on where the one before it was cut. */
export async function upload(options: UploadOptions): Promise<void> {
  const { name, bytes, pod, signal } = options;
  for (let failed = 0, round = 0, last = 0; ; round += 1) {
    signal.throwIfAborted();
    const { end, complaint, arrived, isFlooding } = await attempt(options);
    if (arrived > last) round = 0;
    last = arrived;
    if (end.kind === "exited" && end.code === 0) return;
    if (isFlooding || (end.kind === "exited" && complaint !== "")) failed += 1;
    if (failed === failures)
      throw new AgentError(
        "SESSION_FAILED",
        `"${name}" (${bytes.length} bytes) could not be written in pod "${pod}": ${complaint}`,
      );
    await sleep(Math.min(2000, 20 * 1.5 ** Math.min(round, 12)), undefined, { signal });
  }
}

interface Attempt {
  readonly end: ExecEnd;
  readonly complaint: string;
  readonly arrived: number;
  /** The pod sent more than an upload ever answers, and the connection was closed. */
  readonly isFlooding: boolean;
}

async function attempt(options: UploadOptions): Promise<Attempt> {
  const { client, pod, container, name, bytes, signal } = options;
  const complaint = createTextStart(4096);
  let arrived = 0;
  let isFlooding = false;
  let sending: Promise<void> | undefined;
  const exec = await startExec(client, {
    pod,
    container,
    command: ["bash", "-c", kills + script, "signalman-upload", name, String(bytes.length)],
    onStdout: (chunk) => readAnswer(chunk),
    onStderr(chunk) {
      complaint.add(chunk);
      if (complaint.isCut) flood();
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
      arrived = Number.isSafeInteger(count) && count >= 0 ? count : 0;
      sending ??= send(exec, bytes.subarray(arrived));
    },
    onTooLong: flood,
  });
  using _listener = onAbort(signal, () => exec.close());
  const end = await exec.ended;
  await sending;
  return { end, complaint: complaint.text.trim(), arrived, isFlooding };
}

/** Sends bytes piece by piece, no faster than they go out. */
async function send(exec: Exec, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length && exec.isOpen; at += pieceBytes) {
    exec.write(bytes.subarray(at, at + pieceBytes));
    while (exec.isOpen && exec.buffered > bufferedBytes) await Bun.sleep(2);
  }
}
