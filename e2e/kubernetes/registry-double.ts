import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "../support/cluster/command.ts";
import { directories } from "../support/cluster/layout.ts";

/** A registry on loopback that serves one image to one user. Disposal ends it. */
export interface RegistryDouble extends AsyncDisposable {
  readonly host: string;
  /** Name of its image. */
  readonly image: string;
  /** Requests that were answered without and with the password. */
  readonly requests: { readonly refused: number; readonly served: number };
}

const indexType = "application/vnd.oci.image.manifest.v1+json";

/** Serves busybox with bash under a name of its own, so that no node has it. */
export async function startRegistryDouble(user: string, password: string): Promise<RegistryDouble> {
  const directory = await mkdtemp(path.join(tmpdir(), "signalman-registry-"));
  await run(["tar", "-C", directory, "-xf", path.join(directories.images, "busybox-bash.tar")]);
  const blobs = new Map<string, Blob>();
  const manifest = await toManifest(directory, blobs);
  const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const requests = { refused: 0, served: 0 };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      if (request.headers.get("authorization") !== wanted) {
        requests.refused += 1;
        return new Response("{}", { status: 401, headers: { "www-authenticate": 'Basic realm="double"' } });
      }
      requests.served += 1;
      const { pathname } = new URL(request.url);
      const [, kind, name = ""] = /\/(manifests|blobs)\/([^/]+)$/.exec(pathname) ?? [];
      if (kind === "manifests") return answer(request, new Blob([manifest]), indexType);
      const blob = blobs.get(name);
      return blob ? answer(request, blob, "application/octet-stream") : new Response("{}", { status: 404 });
    },
  });
  const host = `127.0.0.1:${server.port}`;
  return {
    host,
    image: `${host}/private:${crypto.randomUUID()}`,
    requests,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function answer(request: Request, blob: Blob, type: string): Response {
  return new Response(request.method === "HEAD" ? null : blob, {
    headers: { "content-type": type, "content-length": String(blob.size) },
  });
}

/** Reads an archive of `docker save` as the manifest of one image, and its blobs by digest. */
async function toManifest(directory: string, blobs: Map<string, Blob>): Promise<string> {
  const [saved] = (await Bun.file(path.join(directory, "manifest.json")).json()) as readonly {
    Config: string;
    Layers: readonly string[];
  }[];
  const describe = async (file: string, mediaType: string) => {
    const blob = Bun.file(path.join(directory, file));
    const hash = createHash("sha256").update(await blob.bytes());
    const digest = `sha256:${hash.digest("hex")}`;
    blobs.set(digest, blob);
    return { mediaType, digest, size: blob.size };
  };
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: indexType,
    config: await describe(saved!.Config, "application/vnd.oci.image.config.v1+json"),
    layers: await Promise.all(
      saved!.Layers.map((layer) => describe(layer, "application/vnd.oci.image.layer.v1.tar")),
    ),
  });
}
