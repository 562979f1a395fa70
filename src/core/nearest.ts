/** The known names nearest to `name`, best first: the words for "did you mean". Empty when nothing is near. */
export function nearest(name: string, known: Iterable<string>): string[] {
  const limit = Math.max(2, Math.floor(name.length / 3));
  return [...known]
    .map((candidate) => ({ candidate, distance: distanceBetween(name, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** Ends an error message about a name: ` (nearest: a)`, else ` (known: a, b)` while that is no long list, else nothing. */
export function toHint(name: string, known: Iterable<string>): string {
  const all = [...known];
  const near = nearest(name, all);
  if (near.length > 0) return ` (nearest: ${near.join(", ")})`;
  return all.length > 0 && all.length <= 20 ? ` (known: ${all.join(", ")})` : "";
}

/** Levenshtein's distance; case does not count. */
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
