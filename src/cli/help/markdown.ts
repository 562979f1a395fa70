import type { Layout } from "./layout.ts";

/**
 * Renders Markdown for a terminal: comments are left out, links are their text, code is indented and never wrapped,
 * and a table that is too narrow for its words becomes a list.
 */
export function renderMarkdown(text: string, { columns, paint }: Layout): string[] {
  const colors = paint("1", "") !== "";
  const parts = text.split(/^(```.*?^```$)/ms).map((part, index) => {
    if (index % 2 === 1) return part.split("\n").slice(1, -1).map(indent).join("\n");
    const text = part.replaceAll(/<!--.*?-->\n?/gs, "");
    const prose = toLists(splitCode(withoutLinks(text)), columns);
    return Bun.markdown.ansi(prose, { columns, colors, hyperlinks: false }).replace(/^\n+/, "").trimEnd();
  });
  return parts
    .filter((part) => part !== "")
    .join("\n\n")
    .split("\n");
}

function indent(line: string): string {
  return line === "" ? "" : `    ${line}`;
}

/** Replaces links between pages by their text. */
function withoutLinks(prose: string): string {
  return prose.replaceAll(/\[((?:[^\][`]|`[^`]*`)*)\]\((?!https?:)[^)\s]*\)/g, "$1");
}

/** Divides code of several words into one piece for each, since a line is broken within a long piece anywhere. */
function splitCode(prose: string): string {
  return prose.replaceAll(/(`+)([^`]+)\1/g, (piece, mark: string, code: string) =>
    code.length < 20 || mark.length > 1
      ? piece
      : code
          .split(/\s+/)
          .map((word) => `\`${word}\``)
          .join(" "),
  );
}

/** Converts the tables in which a word does not fit into its column. */
function toLists(prose: string, columns: number): string {
  return prose.replaceAll(/^\|.*\|\n\|[-:| ]+\|\n(?:\|.*\|(?:\n|$))+/gm, (table) => {
    const [head = [], , ...rows] = table.trim().split("\n").map(toCells);
    const drawn = Bun.markdown.ansi(table, { columns, colors: false });
    const words = [head, ...rows].flat().flatMap((cell) => cell.replaceAll(/[`*\\]/g, "").split(/\s+/));
    if (words.every((word) => drawn.includes(word))) return table;
    return rows.map((row) => toItem(head, row)).join("");
  });
}

/** Converts a row to an item of a list: the first cell, and below it the others with their heads. */
function toItem(head: readonly string[], [first = "", ...cells]: readonly string[]): string {
  const others = cells.map((cell, index) => (cell === "" ? "" : `  - ${head[index + 1]}: ${cell}\n`));
  return `- ${first}\n${others.join("")}`;
}

/** Splits a row at bars that are neither escaped nor in code. */
function toCells(row: string): string[] {
  const cells = row.slice(1, -1).match(/(?:`[^`]*`|\\.|[^|`\\])*(?:\||$)/g) ?? [];
  return cells.map((cell) => cell.replace(/\|$/, "").trim()).slice(0, -1);
}
