/**
 * Removes all of these characters from the end. An expression such as `/\n+$/` would take quadratic time on
 * long runs elsewhere in the text.
 */
export function trimEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1]!)) end -= 1;
  return text.slice(0, end);
}
