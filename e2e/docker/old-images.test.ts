import { expect, test } from "bun:test";
import { statfs } from "node:fs/promises";
import path from "node:path";
import { findEndpoint } from "../../plugins/docker/engine/endpoint.ts";
import { connectEngine } from "../../plugins/docker/engine/engine.ts";
import { removeOldImages } from "../../plugins/docker/images/remove-old.ts";
import { createRecordingLogger, tmpdir } from "../../src/testing/index.ts";
import { useTestEngine } from "../support/containers.ts";
import { engineCache } from "../support/engine/engine.ts";
import { images, importImage } from "../support/engine/images.ts";
import { openOwnEngine } from "../support/engine/own-engine.ts";
import { mountSmallDisk } from "../support/test-disks.ts";
import { isRoot } from "../support/users.ts";

useTestEngine();

const connect = (host: string) => connectEngine(findEndpoint({ DOCKER_HOST: host }), { timeoutMs: 60_000 });

test("images that are too old are removed, unless a container uses them", async () => {
  await using engine = await openOwnEngine();
  const connected = await connect(engine.host);
  const logger = createRecordingLogger();
  const remove = (days: number) =>
    removeOldImages(connected, { "image-max-age": days, "image-min-free-disk": 0 }, logger);
  const count = async () => (await engine.api.get<unknown[]>("/images/json")).length;
  await remove(1);
  expect(await count()).toBe(1);
  const created = await engine.api.call("POST", "/containers/create", {
    json: { Image: images.small, Cmd: ["sh"] },
  });
  const { Id } = (await created.json()) as { Id: string };
  await remove(1e-9);
  expect(await count()).toBe(1);
  await engine.api.call("DELETE", `/containers/${Id}`);
  await remove(1e-9);
  expect(await count()).toBe(0);
});

test.if(isRoot)(
  "the oldest unused images are removed until as much of the disk is free as is wanted",
  async () => {
    await using directory = await tmpdir();
    await using disk = mountSmallDisk(path.join(directory.path, "data"), "size=64m");
    await using engine = await openOwnEngine({ arguments: [`--data-root=${disk.path}`] });
    const file = path.join(engineCache(), "roots", "small.tar");
    const names = ["a", "b", "c"].map((name) => `signalman-test/${name}:latest`);
    for (const [index, name] of names.entries()) {
      const tar = path.join(directory.path, "root.tar");
      await addToTar({ from: file, to: tar, name: `${index}`, bytes: 2_000_000 });
      await importImage(engine.api, name, tar);
    }
    const present = async () =>
      (await engine.api.get<{ RepoTags: string[] }[]>("/images/json"))
        .flatMap(({ RepoTags }) => RepoTags)
        .toSorted();
    const connected = await connect(engine.host);
    const logger = createRecordingLogger();
    const free = async () => {
      const { bavail, bsize } = await statfs(disk.path);
      return bavail * bsize;
    };
    const remove = (bytes: number) =>
      removeOldImages(connected, { "image-max-age": 0, "image-min-free-disk": bytes }, logger);
    await remove((await free()) - 1_000_000);
    expect(await present()).toEqual([...names, images.small]);
    // The small image was imported first: it and the next one make room enough.
    await remove((await free()) + 6_000_000);
    expect(await present()).toEqual(names.slice(1));
    expect(logger.entries.map(({ message }) => message)).toEqual(
      [images.small, names[0]!].map((name) => `removed image "${name}"`),
    );
    await remove(1e15);
    expect(await present()).toEqual([]);
  },
);

/** A tar file with one more file in it, so that its image shares no layer with another one. */
async function addToTar(options: { from: string; to: string; name: string; bytes: number }): Promise<void> {
  const { from, to, name, bytes } = options;
  await using directory = await tmpdir();
  await Bun.write(
    path.join(directory.path, name),
    crypto
      .getRandomValues(new Uint8Array(65_536))
      .toHex()
      .repeat(bytes / 131_072),
  );
  await Bun.write(to, Bun.file(from));
  const { exitCode, stderr } = Bun.spawnSync([
    "tar",
    "--append",
    "--file",
    to,
    "--directory",
    directory.path,
    name,
  ]);
  if (exitCode !== 0) throw new Error(`"tar" failed: ${stderr.toString()}`);
}
