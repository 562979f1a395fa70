export interface ClaimTimer {
  /** Whether an agent is connected. While none is, the timer runs. */
  set(isClaimed: boolean): void;
}

/** Calls `onExpired` when no agent was connected for `durationMs`. */
export function createClaimTimer(durationMs: number, onExpired: () => void): ClaimTimer {
  let timer = setTimeout(onExpired, durationMs);
  return {
    set(isClaimed) {
      clearTimeout(timer);
      if (!isClaimed) timer = setTimeout(onExpired, durationMs);
    },
  };
}
