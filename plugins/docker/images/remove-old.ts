import { statfs } from "node:fs/promises";
import { type Logger, toMessage } from "signalman";
import type { DockerConfig } from "../config.ts";
import type { Engine } from "../engine/engine.ts";

interface OldImage {
  readonly id: string;
  readonly name: string;
  /**
   * Time of the last pull, or of the creation of an image that was never pulled, in milliseconds since the
   * epoch.
   */
  readonly pulledAt: number;
}

/**
 * Removes images that no container uses, the oldest first: all that were last pulled before `image-max-age`,
 * and others until `image-min-free-disk` is free.
 */
export async function removeOldImages(
  engine: Engine,
  options: Pick<DockerConfig, "image-max-age" | "image-min-free-disk">,
  logger: Logger,
): Promise<void> {
  const { "image-max-age": maxDays, "image-min-free-disk": minFree } = options;
  if (maxDays === 0 && minFree === 0) return;
  const images = await listUnused(engine);
  const limit = maxDays === 0 ? Number.NEGATIVE_INFINITY : Date.now() - maxDays * dayMs;
  for (const image of images) {
    if (image.pulledAt >= limit && (minFree === 0 || (await hasFreeDisk(engine, minFree)))) return;
    try {
      await engine.call(
        `remove image "${image.name}"`,
        engine.docker.getImage(image.id).remove({ force: true }),
      );
      logger.info(`removed image "${image.name}"`);
    } catch (error) {
      logger.debug(toMessage(error));
    }
  }
}

const dayMs = 86_400_000;

/** Lists unused images, the oldest first. */
async function listUnused({ docker, call }: Engine): Promise<OldImage[]> {
  const [images, containers] = await call(
    "list images",
    Promise.all([docker.listImages(), docker.listContainers({ all: true })]),
  );
  const used = new Set(containers.map(({ ImageID }) => ImageID));
  const unused = images.filter(({ Id }) => !used.has(Id));
  const found = await Promise.all(
    unused.map(async ({ Id, RepoTags, Created }): Promise<OldImage> => {
      const details = await call("inspect an image", docker.getImage(Id).inspect()).catch(() => undefined);
      const { Metadata } = (details ?? {}) as { Metadata?: { LastTagTime?: string } };
      const tagged = Date.parse(Metadata?.LastTagTime ?? "");
      return { id: Id, name: RepoTags?.[0] ?? Id, pulledAt: tagged > 0 ? tagged : Created * 1000 };
    }),
  );
  return found.sort((a, b) => a.pulledAt - b.pulledAt);
}

/** `true` for an engine on another host, whose free disk space cannot be read. */
async function hasFreeDisk({ docker, endpoint, call }: Engine, bytes: number): Promise<boolean> {
  if (endpoint.socketPath === undefined) return true;
  const { DockerRootDir: directory } = (await call("read the engine's information", docker.info())) as {
    DockerRootDir?: string;
  };
  const space = directory && (await statfs(directory).catch(() => undefined));
  return !space || space.bavail * space.bsize >= bytes;
}
