// Images of the Open Container Initiative, as archives: no daemon is needed to make them.

import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { type ArchiveEntry, writeTar } from "./archive.ts";
import { sha256 } from "./checksums.ts";
import { run } from "./run.ts";

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** The part of an image's configuration that this program reads and changes. */
interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly string[] };
  readonly history?: readonly object[];
}

/** An image that was read from an archive. */
export interface BaseImage {
  readonly digest: string;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** The unpacked layout. */
  readonly directory: string;
}

const types = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  plainLayer: "application/vnd.oci.image.layer.v1.tar",
} as const;

/**
 * Unpacks an archive into `directory`: the OCI layout, or what `docker save` wrote before Docker 25. Throws when it
 * is neither, or has more than one image.
 */
export async function readImage(archive: string, directory: string): Promise<BaseImage> {
  await mkdir(directory, { recursive: true });
  run(["tar", "-xf", archive, "-C", directory]);
  const read = async <T>(file: string) => JSON.parse(await readFile(path.join(directory, file), "utf8")) as T;
  const [layout, older] = await Promise.all([
    read<{ readonly manifests: readonly Descriptor[] }>("index.json").catch(() => undefined),
    read<OlderManifest[]>("manifest.json").catch(() => undefined),
  ]);
  const found = layout?.manifests ?? older;
  if (found === undefined)
    throw new Error(`"${archive}" is no archive of an image (docker save, skopeo copy … oci-archive:)`);
  if (found.length !== 1) throw new Error(`"${archive}" has ${found.length} images, and one is expected`);
  if (layout === undefined) return readOlderImage(older![0]!, directory);
  const { digest } = layout.manifests[0]!;
  const manifest = await read<Manifest>(blobOf(digest));
  return { digest, manifest, config: await read(blobOf(manifest.config.digest)), directory };
}

/** What `docker save` wrote before it had the OCI layout. */
interface OlderManifest {
  readonly Config: string;
  readonly Layers: readonly string[];
}

async function readOlderImage({ Config, Layers }: OlderManifest, directory: string): Promise<BaseImage> {
  const blobs = path.join(directory, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const toBlob = async (file: string, mediaType: string): Promise<Descriptor> => {
    const source = path.join(directory, file);
    const digest = await sha256(source);
    await rename(source, path.join(blobs, digest));
    return { mediaType, digest: `sha256:${digest}`, size: (await stat(path.join(blobs, digest))).size };
  };
  const layers: Descriptor[] = [];
  for (const layer of Layers) layers.push(await toBlob(layer, types.plainLayer));
  const config = await toBlob(Config, types.config);
  const manifest = { schemaVersion: 2, mediaType: types.manifest, config, layers };
  const digest = `sha256:${new Bun.CryptoHasher("sha256").update(JSON.stringify(manifest)).digest("hex")}`;
  const text = await readFile(path.join(directory, blobOf(config.digest)), "utf8");
  return { digest, manifest, config: JSON.parse(text) as ImageConfig, directory };
}

/** Reads a file of an image; `undefined` when no layer has it. */
export function readImageFile({ directory, manifest }: BaseImage, name: string): string | undefined {
  for (const { digest } of manifest.layers.toReversed()) {
    for (const member of [name, `./${name}`]) {
      try {
        return run(["tar", "-xOf", path.join(directory, blobOf(digest)), member]);
      } catch {
        // This layer does not have it, or not by this name.
      }
    }
  }
  return undefined;
}

export interface ImageOptions {
  readonly base: BaseImage;
  /** The files of the layer on top of the base. */
  readonly entries: readonly ArchiveEntry[];
  /** What replaces the base's settings, such as `Cmd`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Name and version, such as `signalman:1.2.3`. */
  readonly name: string;
  readonly time: number;
  readonly outfile: string;
  /** A directory for what is needed meanwhile. */
  readonly work: string;
}

/** Writes an image with one more layer than its base, as an archive that is the same bytes whenever it is made. */
export async function writeImage(options: ImageOptions): Promise<void> {
  const { base, entries, name, time, work } = options;
  const blobs = path.join(work, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  for (const { digest } of base.manifest.layers)
    await copyFile(path.join(base.directory, blobOf(digest)), path.join(work, blobOf(digest)));

  const tar = path.join(work, "layer.tar");
  await writeTar(tar, entries, time);
  const diffId = `sha256:${await sha256(tar)}`;
  const put = async (bytes: Uint8Array, mediaType: string): Promise<Descriptor> => {
    const digest = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    await writeFile(path.join(blobs, digest), bytes);
    return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  };
  const putJson = (value: object, mediaType: string) => put(Buffer.from(JSON.stringify(value)), mediaType);
  const layer = await put(gzipSync(await readFile(tar), { level: 9 }), types.layer);
  await rm(tar);
  const created = new Date(time * 1000).toISOString();
  const config = await putJson(
    {
      created,
      architecture: base.config.architecture,
      os: base.config.os,
      config: { ...base.config.config, ...options.config },
      rootfs: { type: "layers", diff_ids: [...base.config.rootfs.diff_ids, diffId] },
      history: [...(base.config.history ?? []), { created, created_by: `signalman ${name}` }],
    },
    types.config,
  );
  const layers = [...base.manifest.layers, layer];
  const manifest = await putJson(
    { schemaVersion: 2, mediaType: types.manifest, config, layers },
    types.manifest,
  );
  const index = {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [
      {
        ...manifest,
        platform: { os: base.config.os, architecture: base.config.architecture },
        annotations: {
          "io.containerd.image.name": `docker.io/library/${name}`,
          "org.opencontainers.image.ref.name": name.replace(/^.*:/, ""),
        },
      },
    ],
  };
  const names = (await readdir(blobs)).toSorted();
  await writeTar(
    options.outfile,
    [
      { name: "oci-layout", content: Buffer.from('{"imageLayoutVersion":"1.0.0"}') },
      { name: "index.json", content: Buffer.from(JSON.stringify(index)) },
      // For `docker load` before Docker 25.
      {
        name: "manifest.json",
        content: Buffer.from(JSON.stringify([toOlderManifest(name, config, layers)])),
      },
      ...names.map((digest) => ({
        name: `blobs/sha256/${digest}`,
        content: { file: path.join(blobs, digest) },
      })),
    ],
    time,
  );
}

function toOlderManifest(name: string, config: Descriptor, layers: readonly Descriptor[]) {
  return {
    Config: blobOf(config.digest),
    RepoTags: [name],
    Layers: layers.map(({ digest }) => blobOf(digest)),
  } satisfies OlderManifest & { RepoTags: string[] };
}

function blobOf(digest: string): string {
  return path.join("blobs", digest.replace(":", "/"));
}
