import { onAbort } from "../../core/aborted.ts";

/**
 * The writer of a spool, as its readers see it. In another process, it is the socket with the writer's
 * wake-ups.
 */
export interface SpoolSource {
  /** Whether no further event will come. */
  readonly closed: boolean;
  /**
   * Once it is closed: lines that the disk did not accept. They follow those of the file, if there is one.
   */
  readonly rest?: Uint8Array | undefined;
  /** Calls `listener` after each append and when the spool is closed. Returns a function that ends this. */
  watch(listener: () => void): () => void;
}

/**
 * Resolves when the source has news, or after `durationMs`; rejects with the reason of the signal that aborts
 * first.
 */
export function wakeUp(
  source: SpoolSource,
  signals: readonly (AbortSignal | undefined)[],
  durationMs?: number,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = durationMs === undefined ? undefined : setTimeout(resolve, durationMs);
  const stop = source.watch(resolve);
  const aborts = signals.map((signal) => onAbort(signal, () => reject(signal?.reason)));
  return promise.finally(() => {
    stop();
    clearTimeout(timer);
    for (const abort of aborts) abort[Symbol.dispose]();
  });
}
