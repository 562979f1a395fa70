import { wrap } from "../wrap.ts";

/** Returns the text of a docblock as Markdown, wrapped. Lists and tables are kept, and tags become a list. */
export function toProse(doc: string): string {
  const blocks: string[] = [];
  let isOpen = false;
  for (const line of doc.split("\n").map(toMarkdown)) {
    const isContinued = isOpen && line !== "" && toMark(line) === "";
    if (isContinued) blocks.push(`${blocks.pop()} ${line}`);
    else if (line !== "") blocks.push(line);
    isOpen = line !== "";
  }
  const gap = (block: string, index: number): string => {
    if (index === 0) return "";
    const [mark, before] = [toMark(block), toMark(blocks[index - 1]!)];
    return mark !== "" && before !== "" && (mark === "| ") === (before === "| ") ? "\n" : "\n\n";
  };
  return blocks.map((block, index) => `${gap(block, index)}${wrapBlock(block)}`).join("");
}

function toMarkdown(line: string): string {
  return line
    .replace(/^\s*\* ?/, "")
    .trim()
    .replaceAll(/\{@link ([^}]+)\}/g, "`$1`")
    .replace(/^@param (\w+)\.? /, "- `$1`: ")
    .replace(/^@\w+ /, "- ");
}

/** Returns what begins a list item or a row of a table; empty for other text. */
function toMark(text: string): string {
  return /^(?:-|\d+\.|\|) /.exec(text)?.[0] ?? "";
}

function wrapBlock(block: string): string {
  const mark = toMark(block);
  if (mark.startsWith("|")) return block;
  return wrap(block, 120 - mark.length).replaceAll("\n", `\n${" ".repeat(mark.length)}`);
}
