export interface ScrollOptions {
  readonly rows: number;
  readonly rowHeight: number;
  readonly viewHeight: number;
}

/** Browsers limit the height of an element; Firefox has the lowest limit. */
const mostHeight = 8_000_000;

/** Relates a scrolled height to rows. Where all rows would be too high, a pixel stands for more than its share. */
export function toScroll({ rows, rowHeight, viewHeight }: ScrollOptions) {
  const height = Math.min(mostHeight, rows * rowHeight);
  const perView = viewHeight / rowHeight;
  /** The first row in view at the end. */
  const last = Math.max(0, rows - perView);
  const range = Math.max(1, height - viewHeight);
  return {
    height,
    perView,
    last,
    firstAt: (offset: number): number => Math.min(last, (Math.max(0, offset) / range) * last),
    offsetOf: (row: number): number => (last === 0 ? 0 : (Math.min(last, Math.max(0, row)) / last) * range),
  };
}
