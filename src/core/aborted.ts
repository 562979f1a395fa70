/**
 * Calls `listener` when the signal aborts, or at once if it has aborted. Disposal removes the listener;
 * until then the signal keeps the listener and everything that it refers to.
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
