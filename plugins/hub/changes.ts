/** Tells whoever waits that something is different now. */
export interface Changes {
  notify(): void;
  /** Resolves with the first truthy value; looks again after every change. Rejects when the signal aborts. */
  until<T>(look: () => T, signal?: AbortSignal): Promise<Truthy<T>>;
}

export type Truthy<T> = Exclude<T, false | 0 | "" | null | undefined>;

export function createChanges(): Changes {
  const listeners = new Set<() => void>();
  return {
    notify() {
      for (const listener of listeners) listener();
    },
    until(look, signal) {
      return new Promise((resolve, reject) => {
        const settle = (act: () => void): void => {
          listeners.delete(listener);
          signal?.removeEventListener("abort", onAbort);
          act();
        };
        const onAbort = (): void => settle(() => reject(signal?.reason as Error));
        const listener = (): void => {
          try {
            const value = look();
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
