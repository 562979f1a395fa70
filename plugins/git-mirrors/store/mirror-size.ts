import { rm } from "node:fs/promises";
import type { Logger } from "signalman";
import { removeOldAnswers } from "./answers.ts";
import { touch } from "./files.ts";
import type { MirrorPaths } from "./layout.ts";
import { enforceSize, measureMirror } from "./space.ts";

/** A mirror that is larger than all may be is removed, and not fetched again for a day. */
export async function keepSize({
  root,
  size,
  paths,
  logger,
}: {
  root: string;
  size: number;
  paths: MirrorPaths;
  logger: Logger;
}): Promise<void> {
  if ((await enforceSize(root, size, paths)) <= size) return;
  await removeOldAnswers(paths.answers, 0);
  const bytes = await measureMirror(paths);
  if (bytes <= size) return;
  await removeOutgrown(paths, size, logger);
}

export async function removeOutgrown(paths: MirrorPaths, size: number, logger: Logger): Promise<void> {
  logger.warn(`the mirror ${paths.name} has more than the ${size} bytes of git-mirrors-size: it was removed`);
  await rm(paths.repository, { recursive: true, force: true });
  await touch(paths.tooLarge);
}
