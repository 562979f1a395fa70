import { basename } from "node:path";
import { matchesGlob } from "../../core/text/glob.ts";
import { type ProcessStat, readArguments } from "./proc.ts";

/** Tells whether `keep-processes` spares a process at the end of its job. */
export type KeepMatcher = (process: ProcessStat) => boolean;

/**
 * Creates the matcher of `keep-processes`. A pattern without `*` and `?` is the name of a program (`gradle`),
 * compared with the kernel's name of the process and with its first argument; any other pattern is compared
 * with the whole command line (`java *GradleDaemon*`). `undefined` when there are no patterns.
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
    return wildcards.some((pattern) => matchesGlob(pattern, line));
  };
}

function isWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern);
}
