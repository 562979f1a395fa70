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

/** Returns a function that tells whether a name matches one of the patterns. */
export function matchNames(patterns: readonly string[]): (name: string) => boolean {
  const sources = patterns.map((pattern) =>
    pattern
      .replaceAll(/[.+^${}()|[\]\\/-]/g, "\\$&")
      .replaceAll(/\*+/g, ".*")
      .replaceAll("?", "."),
  );
  const expression = new RegExp(`^(?:${sources.join("|")})$`, "is");
  return (name) => expression.test(name);
}
