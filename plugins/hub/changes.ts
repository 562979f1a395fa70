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
      return new Promise((resolve, reject) => {
        const settle = (act: () => void): void => {
          listeners.delete(listener);
          signal?.removeEventListener("abort", onAbort);
          act();
        };
        const onAbort = (): void => settle(() => reject(signal?.reason as Error));
        const listener = (): void => {
          try {
            const value = read();
            if (value) settle(() => resolve(value as Truthy<typeof value>));
          } catch (error) {
            settle(() => reject(error as Error));
          }
        };
        if (signal?.aborted) return onAbort();
        signal?.addEventListener("abort", onAbort, { once: true });
        listeners.add(listener);
        listener();
      });
    },
  };
}
