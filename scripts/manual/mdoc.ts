// Text of manual pages in the language mdoc(7), for mandoc and groff.

/** Width of an input line in bytes, which mandoc recommends. */
const width = 78;

/** Renders prose in Markdown's backticks as lines of mdoc: a new line for each sentence, none of them wide. */
export function toProse(text: string): string[] {
  const sentences = text
    .replaceAll(/\[((?:[^\][`]|`[^`]*`)*)\]\([^)\s]*\)/g, "$1")
    .split(/(?<=[.!?]["')`]*)\s+/)
    .filter((sentence) => sentence !== "");
  return sentences.flatMap((sentence) => wrap(sentence)).map(protect);
}

/** Renders a call as a block whose lines stay as they are. */
export function toLiteral(lines: readonly string[]): string[] {
  return [".Bd -literal -offset indent", ...lines.map((line) => protect(escape(line))), ".Ed"];
}

/** Quotes an argument of a macro, so that no word of it is taken for a macro. */
export function quote(text: string): string {
  return `"${escape(text)}"`;
}

/** Renders a macro with arguments, which are quoted. */
export function macro(name: string, ...args: readonly string[]): string {
  return [`.${name}`, ...args.map(quote)].join(" ");
}

function wrap(sentence: string): string[] {
  const lines: string[] = [];
  let isCode = false;
  for (const word of sentence.split(/\s+/)) {
    const pieces = word.split("`").map((piece, index) => {
      if (index > 0) isCode = !isCode;
      return isCode && piece !== "" ? `\\fB${escape(piece)}\\fR` : escape(piece);
    });
    const text = pieces.join("");
    const line = lines.at(-1);
    if (line === undefined || Buffer.byteLength(line) + 1 + Buffer.byteLength(text) > width) lines.push(text);
    else lines[lines.length - 1] = `${line} ${text}`;
  }
  return lines;
}

/** Escapes what has a meaning of its own, and what typesetters replace by other characters. */
function escape(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll('"', "\\(dq")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha");
}

/** A dot at the beginning of a line would be a macro. */
function protect(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
