import type { LogIndex } from "./log-index.ts";
import { toPlain } from "./styles.ts";

/** What a search has found. */
export interface Found {
  /** Number of rows that contain the text. */
  readonly total: number;
  /** The first ones: row and its text around the place. */
  readonly hits: readonly (readonly [row: number, text: string])[];
}

const mostHits = 1000;
const before = 40;
const after = 160;

/**
 * Searches all rows, also those of folded commands. The case counts when the text has a capital. A plain text, since
 * an expression could take a client's time from everything else in this process.
 */
export async function searchLog(index: LogIndex, text: string, signal: AbortSignal): Promise<Found> {
  const isExact = text !== text.toLowerCase();
  const hits: [number, string][] = [];
  let total = 0;
  await index.scan(
    {
      row(styled, row) {
        const plain = toPlain(styled);
        const at = (isExact ? plain : plain.toLowerCase()).indexOf(text);
        if (at === -1) return;
        total += 1;
        if (hits.length < mostHits) hits.push([row, cut(plain, at)]);
      },
    },
    signal,
  );
  return { total, hits };
}

function cut(text: string, at: number): string {
  const from = Math.max(0, at - before);
  return `${from > 0 ? "…" : ""}${text.slice(from, at + after)}${at + after < text.length ? "…" : ""}`;
}
