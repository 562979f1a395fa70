/**
 * Reads a `Retry-After` header: seconds or an HTTP date. Returns milliseconds, up to 10 minutes whatever the
 * server names, or `undefined` when the header is missing or malformed.
 */
export function parseRetryAfter(header: string | null, now = Date.now()): number | undefined {
  const text = header?.trim() ?? "";
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), longestMs);
}

const longestMs = 600_000;
