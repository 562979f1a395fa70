// oxlint-disable-next-line no-control-regex
const unprintable = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Makes text of a job safe for a terminal: control characters are replaced by their pictures (`␛`); those
 * without a picture, and characters that reorder text, by `�`. Line feeds and tabs are kept.
 */
export function toPrintable(text: string): string {
  return text.replaceAll(unprintable, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : "\ufffd";
  });
}

/** Converts text to one line, shortened to `width` characters. */
export function toLine(text: string, width: number): string {
  const lines = text.split(/[\r\n]/).map((part) => part.trim());
  const line = toPrintable(lines.filter((part) => part !== "").join(" ⏎ "));
  const characters = Array.from(line.slice(0, width * 2));
  return characters.length > width ? `${characters.slice(0, width - 1).join("")}…` : line;
}
