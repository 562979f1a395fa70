import { matchesGlob } from "./glob.ts";

/** Patterns (`*` and `?`, in any case) of names of variables whose values are usually secret. */
export const secretNamePatterns: readonly string[] = [
  "*_TOKEN",
  "*_SECRET",
  "*_SECRETS",
  "*_PASSWORD",
  "*_PASSPHRASE",
  "*_KEY",
  "*_PRIVATE_KEY",
  "*_ACCESS_KEY_ID",
  "*_CREDENTIALS",
  "*_CONNECTION_STRING",
  "TOKEN",
  "SECRET",
  "PASSWORD",
  "PGPASSWORD",
];

/** Returns a function that tells whether a name matches one of the patterns, in any case. */
export function matchNames(patterns: readonly string[]): (name: string) => boolean {
  const lowered = patterns.map((pattern) => pattern.toLowerCase());
  return (name) => lowered.some((pattern) => matchesGlob(pattern, name.toLowerCase()));
}
