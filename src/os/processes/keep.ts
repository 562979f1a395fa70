import { basename } from "node:path";
import { type ProcessStat, readArguments } from "./proc.ts";

/** Tells whether a process is one that the job's end spares. */
export type KeepMatcher = (process: ProcessStat) => boolean;

/**
 * The matcher of `keep-processes`. A pattern without `*` and `?` is a program's name (`gradle`, as the kernel or the first argument
 * has it); one with them is the whole command line (`java *GradleDaemon*`). `undefined` when there are no patterns.
 */
export function toKeepMatcher(patterns: readonly string[]): KeepMatcher | undefined {
  if (patterns.length === 0) return undefined;
  const names = new Set(patterns.filter((pattern) => !isWildcard(pattern)));
  const wildcards = patterns.filter(isWildcard);
  return ({ pid, comm }) => {
    if (names.has(comm)) return true;
    const words = readArguments(pid);
    if (words.length === 0) return false;
    if (names.has(basename(words[0] ?? ""))) return true;
    const line = words.join(" ");
    return wildcards.some((pattern) => matches(pattern, line));
  };
}

function isWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/** Whole-text match in time `text × pattern`: the text is the job's, and a regular expression could be made to take hours. */
function matches(pattern: string, text: string): boolean {
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
