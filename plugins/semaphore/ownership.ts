/**
 * Whether the job is known to be assigned to this agent. While that is in doubt, its log may already be
 * archived, and a delivery would hide the archive (protocol section 2.5).
 */
export interface Ownership {
  /** Resolves while the ownership is confirmed, with a signal that aborts when it becomes doubtful again. */
  confirmed(): Promise<AbortSignal>;
  confirm(): void;
  doubt(): void;
}

export function createOwnership({ isConfirmed }: { isConfirmed: boolean }): Ownership {
  let doubted = new AbortController();
  let pending = Promise.withResolvers<AbortSignal>();
  const confirm = (): void => pending.resolve(doubted.signal);
  if (isConfirmed) confirm();
  return {
    confirmed: () => pending.promise,
    confirm,
    doubt() {
      const { promise, resolve } = Promise.withResolvers<AbortSignal>();
      pending.resolve(promise);
      doubted.abort();
      doubted = new AbortController();
      pending = { ...pending, promise, resolve };
    },
  };
}
