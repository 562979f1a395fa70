import { onAbort } from "signalman";

/** Notifies waiting callers of changes of the hub's state. */
export interface Changes {
  notify(): void;
  /**
   * Resolves with the first truthy value of `read`, which is called again after every change. Rejects when
   * the signal aborts.
   */
  until<T>(read: () => T, signal?: AbortSignal): Promise<Truthy<T>>;
}

export type Truthy<T> = Exclude<T, false | 0 | "" | null | undefined>;

export function createChanges(): Changes {
  const listeners = new Set<() => void>();
  return {
    notify() {
      for (const listener of listeners) listener();
    },
    until(read, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<Truthy<ReturnType<typeof read>>>();
      const listener = (): void => {
        try {
          const value = read();
          if (value) resolve(value as Truthy<typeof value>);
        } catch (error) {
          reject(error as Error);
        }
      };
      const aborting = onAbort(signal, () => reject(signal?.reason as Error));
      listeners.add(listener);
      if (!signal?.aborted) listener();
      return promise.finally(() => {
        listeners.delete(listener);
        aborting[Symbol.dispose]();
      });
    },
  };
}
