/** Maximum length of a step's content. Longer contents are uploaded by a connection of their own. */
const maxLength = 2500;

/** Builds a step for the supervisor: the name of a function and its arguments. */
export function toStep(name: string, ...args: readonly (string | number)[]): string {
  return [
    name,
    ...args.map((arg) => (typeof arg === "number" ? String(arg) : quoteBytes(Buffer.from(arg)))),
  ].join(" ");
}

/** Whether a text fits into a step. */
export function fitsStep(text: string): boolean {
  return (
    text.length <= maxLength && !text.includes("\0") && quoteBytes(Buffer.from(text)).length <= maxLength
  );
}

/** Quotes bytes as one shell word of printable characters. */
function quoteBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const isPrintable = byte >= 0x20 && byte < 0x7f;
    const isSpecial = byte === 0x27 || byte === 0x5c;
    if (isPrintable) text += `${isSpecial ? "\\" : ""}${String.fromCharCode(byte)}`;
    else text += `\\${byte.toString(8).padStart(3, "0")}`;
  }
  return `$'${text}'`;
}
