import { expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { writeTar } from "./archive.ts";
import { readImage, readImageFile, writeImage } from "./oci.ts";

const time = 1_700_000_000;

/** Writes the archive of an image with one layer, as `docker save` did before Docker 25. */
async function writeOlderImage(directory: string): Promise<string> {
  const at = (name: string) => path.join(directory, name);
  await writeTar(
    at("layer.tar"),
    [{ name: "etc/passwd", content: Buffer.from("root:x:0:0::/:/bin/sh\n") }],
    time,
  );
  const layer = await readFile(at("layer.tar"));
  const diffId = `sha256:${new Bun.CryptoHasher("sha256").update(layer).digest("hex")}`;
  const config = {
    architecture: "arm64",
    os: "linux",
    config: { Env: ["A=1"], Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: [diffId] },
  };
  const manifest = [{ Config: "config.json", RepoTags: ["base:1"], Layers: ["one/layer.tar"] }];
  const entries = { "config.json": JSON.stringify(config), "manifest.json": JSON.stringify(manifest) };
  await writeTar(
    at("base.tar"),
    [
      { name: "one/layer.tar", content: layer },
      ...Object.entries(entries).map(([name, text]) => ({ name, content: Buffer.from(text) })),
    ],
    time,
  );
  return at("base.tar");
}

test("an image has the layers of its base and one more, the settings of both, and is the same bytes twice", async () => {
  await using place = await tmpdir();
  const at = (name: string) => path.join(place.path, name);
  const base = await readImage(await writeOlderImage(place.path), at("base"));
  expect(readImageFile(base, "etc/passwd")).toBe("root:x:0:0::/:/bin/sh\n");
  expect(readImageFile(base, "etc/shadow")).toBeUndefined();
  const write = (name: string) =>
    writeImage({
      base,
      entries: [{ name: "opt/agent", mode: 0o711, content: Buffer.from("program") }],
      config: { Cmd: ["/opt/agent"] },
      name: "signalman:1.2.3",
      time,
      outfile: at(`${name}.tar`),
      work: at(name),
    });
  await write("one");
  await write("two");
  expect(await readFile(at("one.tar"))).toEqual(await readFile(at("two.tar")));
  const image = await readImage(at("one.tar"), at("read"));
  expect(image.config).toMatchObject({
    architecture: "arm64",
    config: { Env: ["A=1"], Cmd: ["/opt/agent"] },
  });
  expect(image.manifest.layers).toHaveLength(2);
  expect(image.config.rootfs.diff_ids[0]).toBe(base.config.rootfs.diff_ids[0]!);
  expect(readImageFile(image, "opt/agent")).toBe("program");
});

test("what is no image is refused by name", async () => {
  await using place = await tmpdir();
  const file = path.join(place.path, "x.tar");
  await writeTar(file, [{ name: "x", content: Buffer.from("") }], time);
  await expect(readImage(file, path.join(place.path, "x"))).rejects.toThrow(
    `"${file}" is no archive of an image`,
  );
  await writeFile(file, "no archive");
  await expect(readImage(file, path.join(place.path, "y"))).rejects.toThrow("tar");
});
