/** Longest content that travels in a step. What is longer is uploaded by a connection of its own. */
const longest = 2500;

/** A command for the supervisor: a name of a function and its arguments. */
export function toStep(name: string, ...args: readonly (string | number)[]): string {
  return [
    name,
    ...args.map((arg) => (typeof arg === "number" ? String(arg) : quoteBytes(Buffer.from(arg)))),
  ].join(" ");
}

/** Whether a text may be an argument of a step. */
export function fitsStep(text: string): boolean {
  return text.length <= longest && !text.includes("\0") && quoteBytes(Buffer.from(text)).length <= longest;
}

/** Bytes as one shell word of printable characters on one line. */
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
