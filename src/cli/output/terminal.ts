/** What is asked of an output stream. */
export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Whether a stream is a terminal, of any kind. */
export function isTerminal({ isTTY }: OutputStream): boolean {
  return isTTY === true;
}

/**
 * Whether text on a stream can be redrawn, for a reader who watches it: the stream is a terminal, `TERM` is
 * not `dumb`, and `CI` is not set.
 */
export function isInteractive(stream: OutputStream, env: Variables = process.env): boolean {
  return isTerminal(stream) && env["TERM"] !== "dumb" && !isOn(env["CI"]);
}

/**
 * Whether output has colours: on a terminal, unless `TERM` is `dumb` or one of `FORCE_COLOR`, `NO_COLOR`,
 * `CLICOLOR_FORCE` and `CLICOLOR` decides otherwise, the first of them first (https://no-color.org,
 * https://bixense.com/clicolors).
 */
export function hasColour(tty: boolean, env: Variables = process.env): boolean {
  if (env["FORCE_COLOR"]) return isOn(env["FORCE_COLOR"]);
  if (env["NO_COLOR"]) return false;
  if (isOn(env["CLICOLOR_FORCE"])) return true;
  return tty && env["TERM"] !== "dumb" && env["CLICOLOR"] !== "0";
}

/** Returns the size of a terminal; 80×24 when it does not report one. */
export function readSize({ columns, rows }: OutputStream): {
  readonly columns: number;
  readonly rows: number;
} {
  return { columns: columns || 80, rows: rows || 24 };
}

/** Cuts a line of printable text to the width of a terminal, where wide characters take two columns. */
export function cutLine(line: string, columns: number): string {
  if (line.length <= columns / 2 || Bun.stringWidth(line) <= columns) return line;
  // Its data is large, so that it is created only for a line that is too long.
  const segmenter = new Intl.Segmenter();
  let width = 1;
  let kept = "";
  for (const { segment } of segmenter.segment(line.slice(0, columns * longestSegment))) {
    width += Bun.stringWidth(segment);
    if (width > columns) break;
    kept += segment;
  }
  return columns < 1 ? "" : `${kept}…`;
}

/** Characters of a line that are examined for each column. */
const longestSegment = 8;

function isOn(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false"].includes(value);
}
