/** Whether a job is known to be ours. While that is in doubt, its log may have been archived, and what is pushed would hide it (protocol section 2.5). */
export interface Assurance {
  /** Resolves when it is, to a signal that aborts when it is in doubt again. */
  assured(): Promise<AbortSignal>;
  assure(): void;
  doubt(): void;
}

export function createAssurance({ isSure }: { isSure: boolean }): Assurance {
  let doubted = new AbortController();
  let sure = Promise.withResolvers<AbortSignal>();
  const assure = (): void => sure.resolve(doubted.signal);
  if (isSure) assure();
  return {
    assured: () => sure.promise,
    assure,
    doubt() {
      const { promise, resolve } = Promise.withResolvers<AbortSignal>();
      sure.resolve(promise);
      doubted.abort();
      doubted = new AbortController();
      sure = { ...sure, promise, resolve };
    },
  };
}
