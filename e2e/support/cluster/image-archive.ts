import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "./command.ts";

export interface ImageOptions {
  /** Full reference: `docker.io/signalman/debian:12`. */
  readonly reference: string;
  /** Root directories, the lowest layer first; or tar files made of them. */
  readonly layers: readonly string[];
  readonly env?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly user?: string;
}

/** Writes an image as `docker save` does: a tar of layers, their configuration and a manifest. */
export async function writeImageArchive(archive: string, options: ImageOptions): Promise<void> {
  await mkdir(path.dirname(archive), { recursive: true });
  const directory = await mkdtemp(`${archive}-`);
  const layers: string[] = [];
  const digests: string[] = [];
  for (const [index, layer] of options.layers.entries()) {
    const name = `layer-${index}.tar`;
    const file = path.join(directory, name);
    if (layer.endsWith(".tar")) await copyFile(layer, file);
    else await writeLayer(file, layer);
    layers.push(name);
    digests.push(`sha256:${await hashFile(file)}`);
  }
  const config = {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Env: options.env ?? [], Entrypoint: options.entrypoint ?? null, User: options.user ?? "" },
    rootfs: { type: "layers", diff_ids: digests },
  };
  const manifest = [{ Config: "config.json", RepoTags: [options.reference], Layers: layers }];
  await writeFile(path.join(directory, "config.json"), JSON.stringify(config));
  await writeFile(path.join(directory, "manifest.json"), JSON.stringify(manifest));
  await run(["tar", "-C", directory, "-cf", `${archive}.new`, "manifest.json", "config.json", ...layers]);
  await rename(`${archive}.new`, archive);
  await rm(directory, { recursive: true });
}

/** Writes a root directory as one layer. */
export async function writeLayer(file: string, root: string): Promise<void> {
  await run(["tar", "--numeric-owner", "-C", root, "-cf", file, "."], { timeoutMs: 180_000 });
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
