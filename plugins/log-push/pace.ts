/** When the next push may begin: at once after a pause, later and later while one follows the other. */
export interface Pace {
  /** In `performance.now()`. */
  readonly due: number;
  /** A push begins now. */
  started(): void;
}

/**
 * The time between two pushes' beginnings grows from some milliseconds, so that the first lines of a job are seen as they
 * come, to `intervalMs`; after a pause of twice that length it is short again.
 */
export function createPace(intervalMs: number, now: () => number = () => performance.now()): Pace {
  let last = -Infinity;
  let gap = 0;
  return {
    get due() {
      return last + gap;
    },
    started() {
      const at = now();
      gap = Math.min(intervalMs, at - last >= intervalMs * 2 ? firstGapMs : gap * 2);
      last = at;
    },
  };
}

const firstGapMs = 2;
