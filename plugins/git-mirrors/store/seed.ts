import type { Tag } from "../protocol/tags.ts";
import { runGit } from "./git.ts";
import { removeReferences } from "./references.ts";
import { isShallow } from "./shallow.ts";
import type { MirrorPaths } from "./layout.ts";
import { bringUpToDate, type Fetched, prepare, type Remote } from "./update.ts";

export interface SeedOptions {
  readonly root: string;
  readonly size: number;
  /** The origin's. */
  readonly url: string;
  /** The origin, a clone or a bundle, with the operator's credentials. */
  readonly source: Remote;
  readonly signal: AbortSignal;
}

/** Fetches all branches and tags. The caller holds the mirror's lock. */
export async function seedMirror(
  paths: MirrorPaths,
  { root, size, url, source, signal }: SeedOptions,
): Promise<Fetched> {
  // A bundle cannot complete a history; what is seeded is complete.
  if (await isShallow(paths.repository)) await removeReferences(paths.repository);
  await prepare(paths, url);
  const { status, text, errors } = await runGit({
    directory: paths.repository,
    words: ["ls-remote", "--heads", "--tags", source.url],
    env: source.env,
    signal,
  });
  if (status !== 0) throw new Error(`"${source.url}" cannot be read: ${findFault(errors)}`);
  const references = text.split("\n").flatMap((line) => {
    const [object = "", name = ""] = line.split("\t");
    return /^[0-9a-f]{40}$/.test(object) ? [{ object, name }] : [];
  });
  const objects = new Map(references.map(({ object, name }) => [name, object]));
  const tags: Tag[] = references.flatMap(({ object, name }) => {
    const peeled = objects.get(`${name}^{}`);
    return peeled === undefined ? [] : [{ object, peeled }];
  });
  const wants = references.flatMap(({ object, name }) => (name.endsWith("^{}") ? [] : [object]));
  const request = { wants: [...new Set(wants)], includesTags: true };
  return bringUpToDate(paths, { root, size, request, tags, remote: source, url, signal });
}

/** Returns the line in which git says why, and not what it advises. */
function findFault(errors: string): string {
  const lines = errors.trim().split("\n");
  return lines.find((line) => /^(fatal|error):/.test(line)) ?? lines.at(-1) ?? "";
}
