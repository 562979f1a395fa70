/** Returns the known names that are most similar to `name`, best first. Empty when none is similar. */
export function nearest(name: string, known: Iterable<string>): string[] {
  const limit = Math.max(2, Math.floor(name.length / 3));
  return (
    [...known]
      // At least as many edits as the difference of the lengths.
      .filter((candidate) => Math.abs(candidate.length - name.length) <= limit)
      .map((candidate) => ({ candidate, distance: distanceBetween(name, candidate) }))
      .filter(({ distance }) => distance <= limit)
      .toSorted((a, b) => a.distance - b.distance)
      .slice(0, 3)
      .map(({ candidate }) => candidate)
  );
}

/**
 * Returns the end of an error about an unknown name: ` (nearest: a)`, ` (known: a, b)` for a short list, or
 * nothing.
 */
export function toHint(name: string, known: Iterable<string>): string {
  const all = [...known];
  const near = nearest(name, all);
  if (near.length > 0) return ` (nearest: ${near.join(", ")})`;
  return all.length > 0 && all.length <= 20 ? ` (known: ${all.join(", ")})` : "";
}

/** Levenshtein distance, ignoring case. */
function distanceBetween(left: string, right: string): number {
  const [a, b] = [left.toLowerCase(), right.toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, substitution));
    }
    row = next;
  }
  return row[b.length]!;
}
