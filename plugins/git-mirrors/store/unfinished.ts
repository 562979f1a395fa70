import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { hasReferences } from "./references.ts";
import { toShallowPath } from "./shallow.ts";

/** Removes what a git that was killed, or has failed, has left in a repository. */
export async function removeUnfinished(repository: string): Promise<void> {
  const packs = join(repository, "objects", "pack");
  const isUsed = await hasReferences(repository);
  const names = await readdir(packs).catch(() => []);
  // Without references it is unknown whether the packs have all that their commits need.
  const left = isUsed ? names.filter((name) => /^(tmp_|\.tmp-)/.test(name)) : names;
  await Promise.all([
    ...left.map((name) => rm(join(packs, name), { force: true })),
    ...["packed-refs.lock", "shallow.lock"].map((name) => rm(join(repository, name), { force: true })),
    ...(isUsed ? [] : [rm(toShallowPath(repository), { force: true })]),
  ]);
}
