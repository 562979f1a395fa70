import { toPrintable } from "../../core/text/printable.ts";

/** A row of a help page: a name, and lines that describe it. */
export interface Entry {
  readonly left: string;
  readonly right: readonly string[];
}

const width = 100;
const leftWidth = 34;

/** Formats two columns within 100 characters. A name that is too long for its column gets a line of its own. */
export function formatEntries(entries: readonly Entry[]): string[] {
  const indent = " ".repeat(leftWidth);
  return entries.flatMap(({ left, right }) => {
    const head = `  ${left}`;
    const [first = "", ...rest] = right.flatMap((text) => wrap(text, width - leftWidth));
    const others = rest.map((line) => `${indent}${line}`);
    return head.length < leftWidth - 1
      ? [`${head.padEnd(leftWidth)}${first}`.trimEnd(), ...others]
      : [head, ...(first === "" ? [] : [`${indent}${first}`]), ...others];
  });
}

/** Wraps a text at spaces. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns)
      lines.splice(-1, 1, `${line} ${word}`);
    else lines.push(word);
  }
  return lines;
}

/**
 * Formats a table. Each column is as wide as its longest cell, up to 40 characters; longer cells overflow.
 * Control characters in cells are shown as pictures, so that a cell is one line.
 */
export function formatTable(table: readonly (readonly string[])[]): string[] {
  const rows = table.map((row) => row.map((cell) => toPrintable(String(cell)).replaceAll(/[\n\t]/g, " ")));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.min(40, Math.max(...rows.map((row) => row[column]?.length ?? 0))),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
