// Formats measured values.

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Formats the median and the 95th percentile of times in milliseconds. */
export function spread(values: readonly number[]): string {
  return `${ms(median(values))}, p95 ${ms(quantile(values, 0.95))}`;
}

export function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

export function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

/** Prints a line of results. */
export function row(label: string, figure: string): void {
  console.log(`${label.padEnd(52)} ${figure}`);
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;
}
