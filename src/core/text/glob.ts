/**
 * Whether a pattern (`*`: any characters, `?`: one character) matches a whole text. Takes at most `text ×
 * pattern` steps: the text may come from a job, which could make a regular expression take hours.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let read = 0; read < text.length;) {
    const sign = pattern[at];
    if (sign === "*") {
      star = at++;
      resume = read;
    } else if (sign === "?" || sign === text[read]) {
      at++;
      read++;
    } else if (star >= 0) {
      at = star + 1;
      read = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}
