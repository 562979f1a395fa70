/** Wraps words in an SGR style such as `1;31`, or returns them unchanged. */
export type Paint = (style: string, words: string) => string;

export function createPaint(isColoured: boolean): Paint {
  return (style, words) => (isColoured ? `\u001b[${style}m${words}\u001b[0m` : words);
}
