import { toPrintable } from "../../core/text/printable.ts";

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
 * Formats a table. Each column is as wide as its widest cell, up to 40 columns of a terminal; wider cells
 * overflow. Control characters in cells are shown as pictures, so that a cell is one line.
 */
export function formatTable(table: readonly (readonly string[])[]): string[] {
  const rows = table.map((row) => row.map((cell) => toPrintable(String(cell)).replaceAll(/[\n\t]/g, " ")));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.min(40, Math.max(...rows.map((row) => Bun.stringWidth(row[column] ?? "")))),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - Bun.stringWidth(cell))))
      .join("  ")
      .trimEnd(),
  );
}
