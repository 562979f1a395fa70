/**
 * Returns the section of a version in a changelog, in the form of Keep a Changelog; before the version has
 * one, what is not released. Throws when there is neither.
 */
export function toNotes(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const find = (name: string) => sections.find((section) => section.startsWith(`[${name}]`));
  const section = find(version) ?? find("Unreleased");
  if (section === undefined)
    throw new Error(`CHANGELOG.md has neither a section [${version}] nor [Unreleased]`);
  const body = section.slice(section.indexOf("\n")).trim();
  return `# Signalman ${version}\n\n${body}\n`;
}
