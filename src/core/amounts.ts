const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** A size for people, in the units that options take: `999 bytes`, `1.5 GiB`. */
export function toSize(bytes: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** A time span for people, in the two largest units: `12.3 s`, `3 min 7 s`, `2 h 5 min`, `2 d 5 h`. `digits` are those of a short one. */
export function toSpan(seconds: number, digits: number): string {
  if (seconds < 60 - 0.5 / 10 ** digits) return `${seconds.toFixed(digits)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
