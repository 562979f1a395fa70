import { createReaders } from "./readers.ts";
import { createRing } from "./ring.ts";
import { maxRecordedBytes, type RecorderInput, readyLine, recorderVersion } from "./recorded-stream.ts";
import { openUpgradedStream, type UpgradedStream } from "./upgraded-stream.ts";

/**
 * The program of a recorder: it keeps the end of a stream for the process that follows the stream, and for the one
 * after it. It outlives both, and exits when the stream has ended, when it is told to, or when no process comes.
 */
export async function runRecorder(): Promise<void> {
  // A service manager sends it to all processes of the agent; jobs end in order.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  const input = await readInput();
  if (!input) return;
  const { server, path, endPath, unclaimedMs } = input;
  const over = Promise.withResolvers<void>();
  const ring = createRing();
  let stream: UpgradedStream | undefined;
  let isPaused = false;
  /** Reads as much as there is space for. A reader has a little more, since it may search for what follows. */
  const regulate = () => {
    const isFull = ring.byteLength > maxRecordedBytes + (readers.isReading ? readerBytes : 0);
    if (isFull === isPaused) return;
    isPaused = isFull;
    if (isFull) stream?.pause();
    else stream?.resume();
  };
  const abandon = () => {
    // The stream ends with it, or the server has nothing of it any more.
    void openUpgradedStream(server, endPath, { onData: () => {}, onEnd: () => {} }).catch(() => {});
    setTimeout(over.resolve, endMs);
  };
  const readers = createReaders({
    input,
    ring,
    onRelease: regulate,
    onBye: over.resolve,
    unclaimedMs,
    abandon,
  });
  try {
    stream = await openUpgradedStream(server, path, {
      onData(bytes) {
        ring.push(bytes);
        readers.wake();
        regulate();
      },
      onEnd() {
        setTimeout(over.resolve, endMs);
        void readers.finish().then(over.resolve);
      },
    });
    process.stdout.write(`${readyLine}\n`);
    await over.promise;
  } catch (error) {
    process.stdout.write(`${String(error)}\n`);
  } finally {
    stream?.close();
    readers[Symbol.dispose]();
  }
}

/** Milliseconds in which readers get the rest of a stream that has ended. */
const endMs = 10_000;
const readerBytes = 4 * 1024 * 1024;
/** Maximum length of the input, which has certificates. */
const inputBytes = 1024 * 1024;

/** Resolves to `undefined` when the process that has started this one exits without an order. */
async function readInput(): Promise<RecorderInput | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of Bun.stdin.stream()) {
    text += decoder.decode(bytes, { stream: true });
    if (text.includes("\n") || text.length > inputBytes) break;
  }
  if (!text.endsWith("\n")) return undefined;
  const input = JSON.parse(text) as RecorderInput;
  return input.version === recorderVersion ? input : undefined;
}
