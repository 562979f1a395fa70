import { createPaint, type Paint } from "../output/colour.ts";
import { wrap } from "../output/columns.ts";
import { hasColour, isTerminal, type OutputStream } from "../output/terminal.ts";

/** The width and the colours of a help page. */
export interface Layout {
  readonly columns: number;
  readonly paint: Paint;
}

/** A row of a help page: a name, and texts that describe it, each on a line of its own. */
export interface Entry {
  readonly left: string;
  readonly right: readonly string[];
}

const mostColumns = 100;
const leastColumns = 40;
/** Below this width a description stands below its name, not beside it. */
const sideBySide = 80;

/** Returns the layout for a stream. What is no terminal, or a terminal without a size, has 100 columns. */
export function createLayout(stream: OutputStream): Layout {
  const columns = (isTerminal(stream) && stream.columns) || mostColumns;
  return {
    columns: Math.max(leastColumns, Math.min(mostColumns, columns)),
    paint: createPaint(hasColour(isTerminal(stream))),
  };
}

/** Returns a heading above entries; nothing for no entries. `left` is the width of the names. */
export function formatSection(
  title: string,
  entries: readonly Entry[],
  layout: Layout,
  left?: number,
): string[] {
  return entries.length === 0 ? [] : ["", layout.paint("1", title), ...formatEntries(entries, layout, left)];
}

/** Formats names with their descriptions. A name that is too long for its column gets a line of its own. */
export function formatEntries(entries: readonly Entry[], { columns }: Layout, left = 34): string[] {
  const leftWidth = columns < sideBySide ? 6 : left;
  const indent = " ".repeat(leftWidth);
  return entries.flatMap((entry) => {
    const heads = breakName(entry.left, columns - 2).map((part) => `  ${part}`);
    const [first = "", ...rest] = entry.right.flatMap((text) => wrap(text, columns - leftWidth));
    const others = rest.map((line) => `${indent}${line}`);
    const [head = ""] = heads;
    return heads.length === 1 && head.length < leftWidth - 1
      ? [`${head.padEnd(leftWidth)}${first}`.trimEnd(), ...others]
      : [...heads, ...(first === "" ? [] : [`${indent}${first}`]), ...others];
  });
}

/** Wraps texts below each other. */
export function formatText(text: string, { columns }: Layout, indent = ""): string[] {
  return wrap(text, columns - indent.length).map((line) => `${indent}${line}`);
}

/** Breaks a name that is too long for a line, as `<a|b|c>` may be. */
function breakName(name: string, columns: number): string[] {
  if (name.length <= columns) return [name];
  const lines: string[] = [];
  for (const part of name.split(/(?<=[|\s])/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + part.length <= columns) lines.splice(-1, 1, `${line}${part}`);
    else lines.push(lines.length === 0 ? part : `  ${part}`);
  }
  return lines.map((line) => line.trimEnd());
}
