/**
 * Removes the quotes from a word as it is typed in bash, which may lack the closing one. Nothing is expanded: `$x`
 * stays as it is.
 */
export function unquoteBash(word: string): string {
  let text = "";
  let quote = "";
  for (let index = 0; index < word.length; index += 1) {
    const character = word[index]!;
    if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === "\\" && quote !== "'") text += word[(index += 1)] ?? "";
    else text += character;
  }
  return text;
}
