import type { LogFilter } from "signalman";

const mask = "***";

/** A log filter that replaces texts with `***`, also where a text arrives in several pieces. */
export function createMask(texts: readonly string[]): LogFilter {
  const values = texts.map((text) => Buffer.from(text)).sort((a, b) => b.length - a.length);
  const held = Math.max(0, (values[0]?.length ?? 0) - 1);
  let rest = Buffer.alloc(0);
  let masks = 0;
  let maskedBytes = 0;

  /** Masks the values that begin before `end`; what follows is kept for the next call. */
  function take(data: Buffer, end: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let at = 0;
    for (;;) {
      const found = values
        .map((value) => ({ value, start: data.indexOf(value, at) }))
        .filter(({ start }) => start >= 0 && start < end)
        .sort((a, b) => a.start - b.start)[0];
      if (!found) break;
      parts.push(data.subarray(at, found.start), Buffer.from(mask));
      at = found.start + found.value.length;
      masks += 1;
      maskedBytes += found.value.length;
    }
    const decided = Math.max(at, end);
    parts.push(data.subarray(at, decided));
    rest = Buffer.from(data.subarray(decided));
    return Buffer.concat(parts);
  }

  return {
    push(bytes) {
      const data = Buffer.concat([rest, bytes]);
      return take(data, Math.max(0, data.length - held));
    },
    flush: () => take(rest, rest.length),
    text: (text) => values.reduce((shown, value) => shown.replaceAll(value.toString(), mask), text),
    counts: () => ({ maskedBytes, masks }),
  };
}
