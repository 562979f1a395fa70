/** Decides when the next push may begin: at once after a pause, with growing intervals during continuous output. */
export interface Pace {
  /** When the next push may begin, in `performance.now()`. */
  readonly due: number;
  /** Records that a push begins now. */
  started(): void;
}

/**
 * The interval between two pushes grows from 2 ms, so that a job's first lines appear at once, to
 * `intervalMs`. After a pause of twice `intervalMs` it starts again at 2 ms.
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
