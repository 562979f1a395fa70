import { rm } from "node:fs/promises";
import { readPack } from "../protocol/pack.ts";
import { createPacketReader } from "../protocol/packets.ts";
import { replaceFile, toStream } from "./files.ts";
import { runGit } from "./git.ts";
import type { MirrorPaths } from "./layout.ts";
import { toShallowPath } from "./shallow.ts";
import { removeUnfinished } from "./unfinished.ts";

/** Stores the objects of the origin's answer to a client that had nothing, as it arrives, in an empty mirror. */
export async function indexAnswer(
  { repository }: Pick<MirrorPaths, "repository">,
  answer: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const shallow = toShallowPath(repository);
  const pack = readPack(createPacketReader(answer), async (commits) => {
    if (commits.length > 0) await replaceFile(shallow, `${commits.toSorted().join("\n")}\n`);
  });
  const words = ["index-pack", "--stdin"];
  try {
    const { status, errors } = await runGit({
      directory: repository,
      words,
      input: toStream(pack),
      signal,
    });
    if (status !== 0) throw new Error(`git index-pack: ${errors.trim() || `status ${status}`}`);
  } catch (error) {
    await rm(shallow, { force: true });
    await removeUnfinished(repository);
    throw error;
  }
}
