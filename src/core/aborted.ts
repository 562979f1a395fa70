/**
 * Calls `listener` when the signal aborts, or at once if it has aborted. Disposal removes the listener;
 * until then the signal keeps the listener and everything that it refers to.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): Disposable {
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", listener) };
}

/** Calls `act` some time after the signal has aborted. Disposal ends the wait. */
export function afterAbort(signal: AbortSignal, delayMs: number, act: () => void): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const listener = onAbort(signal, () => void (timer = setTimeout(act, delayMs)));
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      listener[Symbol.dispose]();
    },
  };
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
