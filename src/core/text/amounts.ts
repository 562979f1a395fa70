const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** Formats a size: `999 bytes`, `1.5 GiB`. `digits` are those after the point. */
export function toSize(bytes: number, digits = 1): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : digits)} ${units[power]}`;
}

/**
 * Reads a size, as options take it (`512MiB`, `1.5 GB`, `1000000`), in bytes. `undefined` when the text is
 * not a size.
 */
export function parseSize(text: string): number | undefined {
  const [, digits, prefix = "", binary] = /^(\d+(?:\.\d+)?) ?(?:([kmgt])(i)?)?b?$/i.exec(text) ?? [];
  const power = " kmgt".indexOf(prefix.toLowerCase() || " ");
  const bytes = Math.round(Number(digits) * (binary === undefined ? 1000 : 1024) ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/**
 * Formats a time span in its two largest units: `12.3 s`, `3 min 7 s`, `2 h 5 min`, `2 d 5 h`. `digits` are
 * those of seconds alone.
 */
export function toSpan(seconds: number, digits: number): string {
  if (seconds < 60 - 0.5 / 10 ** digits) return `${seconds.toFixed(digits)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
