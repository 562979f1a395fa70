import { AgentError } from "signalman";

/**
 * Splits a container's `command` or `entrypoint` into words, as Docker Compose does: at whitespace, with
 * quotes and backslashes as in a POSIX shell and without expansion.
 */
export function toWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]!;
    if (quote === "'") {
      if (char === "'") quote = "";
      else word += char;
    } else if (char === "\\") {
      const next = text[(at += 1)];
      // Within double quotes, a backslash escapes only these characters.
      word = (word ?? "") + (quote === '"' && !/["\\$`]/.test(next ?? "") ? `\\${next ?? ""}` : (next ?? ""));
    } else if (quote === '"') {
      if (char === '"') quote = "";
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== "") throw new AgentError("JOB_INVALID", `quote ${quote} is not closed in "${text}"`);
  if (word !== undefined) words.push(word);
  return words;
}
