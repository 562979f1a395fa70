import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { AgentError } from "../errors.ts";
import { contractVersion } from "../version.ts";

/** The end of an error about a name that another version of the program may know. */
export const versionNote = `; this is signalman ${contractVersion}`;

/** Whether a text is a range of versions. `Bun.semver` takes what it cannot read for any version. */
export function isRange(text: unknown): text is string {
  return typeof text === "string" && text.length <= maxRange && rangePattern.test(text.trim());
}

/** Throws `PLUGIN_INVALID` with both versions when this program is not in the range. `source` names the plugin. */
export function assertVersion(range: string, source: string, cause?: unknown): void {
  if (isFit(range)) return;
  const remedy = "install a matching version of one of them";
  throw new AgentError("PLUGIN_INVALID", `${source} needs signalman "${range}"${versionNote}: ${remedy}`, {
    cause,
  });
}

/**
 * As {@link assertVersion}, before the plugin's code is executed: with the range of the package that the file
 * belongs to, unless the plugin has a range of its own.
 */
export function assertPackageVersion(file: string, source: string): void {
  const range = findPeerRange(dirname(file));
  if (range === undefined || isFit(range)) return;
  assertVersion(findWrittenRange(file) ?? range, source);
}

/** As {@link assertVersion}, for a plugin that cannot be imported: with the range that its text contains. */
export function assertWrittenVersion(file: string, source: string, cause: unknown): void {
  const range = findWrittenRange(file);
  if (range !== undefined) assertVersion(range, source, cause);
}

const maxRange = 200;
const maxBytes = 2 ** 20;

const comparator = String.raw`(?:(?:[~^]|[<>]=?|=)\s*)?v?(?:\d+|[xX*])(?:\.(?:\d+|[xX*])){0,2}(?:-[\w.-]+)?(?:\+[\w.-]+)?`;
const conjunction = String.raw`${comparator}(?:(?:\s+-\s+|\s*,\s*|\s+)${comparator})*`;
const rangePattern = new RegExp(String.raw`^${conjunction}(?:\s*\|\|\s*${conjunction})*$`);

function isFit(range: string): boolean {
  // By the rules of ranges no pre-release is in `>=0.2`.
  return Bun.semver.satisfies(contractVersion.replace(/[-+].*$/, ""), range);
}

/** Returns the range in the nearest `package.json`. What is no range, such as a path or a tag, is left out. */
function findPeerRange(directory: string): string | undefined {
  const file = join(directory, "package.json");
  if (!existsSync(file)) {
    const parent = dirname(directory);
    return parent === directory ? undefined : findPeerRange(parent);
  }
  const range = readPeerRange(readSmallFile(file) ?? "{}");
  return isRange(range) ? range : undefined;
}

function readPeerRange(text: string): unknown {
  try {
    const content = JSON.parse(text) as {
      readonly peerDependencies?: { readonly signalman?: unknown };
    } | null;
    return content?.peerDependencies?.signalman;
  } catch {
    return undefined;
  }
}

/** Finds `signalman: ">=0.2"` in the text of a plugin, which need not be executable. */
function findWrittenRange(file: string): string | undefined {
  const [, , range] =
    /(?<![\w$.])(["']?)signalman\1\s*:\s*["'`]([^"'`\n]{1,200})["'`]/.exec(readSmallFile(file) ?? "") ?? [];
  return isRange(range) ? range : undefined;
}

/** A device or a FIFO would never end. */
function readSmallFile(file: string): string | undefined {
  try {
    const stats = statSync(file);
    return stats.isFile() && stats.size <= maxBytes ? readFileSync(file, "utf8") : undefined;
  } catch {
    return undefined;
  }
}
