/**
 * Compares two versions (Semantic Versioning): negative when `a` is older. What `git describe` adds counts as
 * newer.
 */
export function compareVersions(a: string, b: string): number {
  return Bun.semver.order(toPlain(a), toPlain(b)) || Number(isDescribed(a)) - Number(isDescribed(b));
}

/** `1.2.3-4-gabc1234`: four commits after 1.2.3. */
const described = /-\d+-g[0-9a-f]+$/;
const isDescribed = (version: string) => described.test(version);
const toPlain = (version: string) => version.replace(described, "");
