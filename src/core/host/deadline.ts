/**
 * Waits for `work` no longer than `durationMs`, then rejects with what `late` makes. The work itself goes on; what becomes
 * of it is nobody's business any more, and it cannot reject unheard.
 */
export async function withDeadline<T>(work: Promise<T>, durationMs: number, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), durationMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}

/** A duration for a message: `10 s`, `250 ms`. */
export function toDuration(durationMs: number): string {
  return durationMs >= 1000 ? `${durationMs / 1000} s` : `${durationMs} ms`;
}
