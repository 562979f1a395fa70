/**
 * Whether a job is shown in colours: on a terminal, unless `NO_COLOR` or `FORCE_COLOR` decides otherwise
 * (https://no-color.org).
 */
export function hasColour(tty: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (FORCE_COLOR && FORCE_COLOR !== "0") return true;
  return tty && !NO_COLOR;
}

/** Wraps words in an SGR style such as `1;31`, or returns them unchanged. */
export type Paint = (style: string, words: string) => string;

export function createPaint(isColoured: boolean): Paint {
  return (style, words) => (isColoured ? `\u001b[${style}m${words}\u001b[0m` : words);
}
