/**
 * Calls `listener` when the signal aborts, or at once if it has aborted. Disposal takes the listener back: a
 * signal keeps its listeners, and all that they refer to, for as long as it or a source of it lives.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): Disposable {
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", listener) };
}

/**
 * Resolves to what `work` resolves to, or to `undefined` when the signal aborts first. Without `work` it
 * waits for the signal.
 */
export async function untilAborted<T = never>(
  signal: AbortSignal,
  work?: Promise<T>,
): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  using _listener = onAbort(signal, () => resolve(undefined));
  return await (work === undefined ? promise : Promise.race([work, promise]));
}
