import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Tag } from "../protocol/tags.ts";
import { readText, replaceFile } from "./files.ts";

/**
 * The references of a mirror. They are named after their objects, since names of an origin's branches change and
 * collide, and the origin itself tells clients its names. They keep objects from being removed, are what a fetch has
 * already, and annotated tags among them are sent along with what they point to.
 */
export interface References {
  readonly heads: ReadonlySet<string>;
  /** By the tag's object. */
  readonly tags: ReadonlyMap<string, Tag>;
}

/** A repository without references is an empty mirror: its packs are removed before the next fetch. */
export async function removeReferences(repository: string): Promise<void> {
  await rm(join(repository, "packed-refs"), { force: true });
}

export async function hasReferences(repository: string): Promise<boolean> {
  return (await stat(join(repository, "packed-refs")).catch(() => undefined)) !== undefined;
}

export async function readReferences(repository: string): Promise<References> {
  const heads = new Set<string>();
  const tags = new Map<string, Tag>();
  let object = "";
  for (const line of ((await readText(join(repository, "packed-refs"))) ?? "").split("\n")) {
    const [, head, kind] = /^([0-9a-f]{40}) refs\/(heads|tags)\/\1$/.exec(line) ?? [];
    const peeled = /^\^([0-9a-f]{40})$/.exec(line)?.[1];
    if (head !== undefined && kind === "heads") heads.add(head);
    else if (head !== undefined) object = head;
    else if (peeled !== undefined) tags.set(object, { object, peeled });
    else if (line !== "" && !line.startsWith("#")) throw new Error("packed-refs is damaged");
  }
  return { heads, tags };
}

/** Replaces all references at once. */
export async function writeReferences(repository: string, { heads, tags }: References): Promise<void> {
  const lines = [
    "# pack-refs with: peeled fully-peeled sorted ",
    ...[...heads].toSorted().map((head) => `${head} refs/heads/${head}`),
    ...[...tags.values()]
      .toSorted((a, b) => (a.object < b.object ? -1 : 1))
      .flatMap(({ object, peeled }) => [`${object} refs/tags/${object}`, `^${peeled}`]),
  ];
  await replaceFile(join(repository, "packed-refs"), `${lines.join("\n")}\n`);
}

/** Adds heads. When there are very many, only these remain: older ones are mostly ancestors of newer ones. */
export function addHeads(known: ReadonlySet<string>, added: Iterable<string>): ReadonlySet<string> {
  const all = new Set([...known, ...added]);
  return all.size <= mostHeads ? all : new Set(added);
}

const mostHeads = 20_000;
