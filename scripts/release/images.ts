// The container images: one on Debian for jobs in the agent's container, and a small one for agents whose
// jobs run in pods.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ArchiveEntry } from "./archive.ts";
import type { Binary } from "./binaries.ts";
import { type BaseImage, readImage, readImageFile, writeImage } from "./oci.ts";

export interface ImagesOptions {
  readonly version: string;
  /** Seconds since 1970. */
  readonly time: number;
  readonly outdir: string;
  readonly licenses: string;
  /** Archives of the images below ours, by kind of image: one for each processor. */
  readonly bases: Readonly<Record<ImageKind, readonly string[]>>;
}

/** `small`: for agents whose jobs run in pods. */
export type ImageKind = "debian" | "small";

/** Names and digest of the base of an image, for the statement of the build. */
export interface UsedBase {
  readonly name: string;
  readonly digest: string;
}

/**
 * Third parties rely on this layout: the program is /opt/semaphore/agent, and user 1000 is "semaphore"
 * (protocol section 9).
 */
const user = { name: "semaphore", id: 1000, home: "/home/semaphore" };
const program = "/opt/semaphore/agent";

/** The settings that every image has. */
export const imageSettings = {
  User: user.name,
  WorkingDir: user.home,
  Cmd: [program, "start", "--config-file", "/opt/semaphore/semaphore-agent.yml"],
  // Healthy: the agent answers. The durations are nanoseconds.
  Healthcheck: {
    Test: ["CMD", program, "status"],
    Interval: 30e9,
    Timeout: 10e9,
    StartPeriod: 60e9,
    Retries: 3,
  },
} as const;

const files = {
  debian: "signalman",
  small: "signalman-small",
} as const satisfies Record<ImageKind, string>;

/** Makes the images for the platform of each base. */
export async function makeImages(
  binaries: readonly Binary[],
  options: ImagesOptions,
): Promise<readonly UsedBase[]> {
  const used: UsedBase[] = [];
  const wanted = (["debian", "small"] as const).flatMap((kind) =>
    options.bases[kind].map((archive) => ({ kind, archive })),
  );
  for (const { kind, archive } of wanted) {
    const work = await mkdtemp(path.join(tmpdir(), "signalman-image-"));
    try {
      const base = await readImage(archive, path.join(work, "base"));
      const { architecture } = base.config;
      const binary = binaries.find(
        ({ target }) => target.packageArch === architecture && target.packageKinds?.includes("deb"),
      );
      if (binary === undefined)
        throw new Error(`no program is built for "${architecture}", the processor of "${archive}"`);
      const name = `${files[kind]}:${options.version}`;
      await writeImage({
        base,
        entries: await toEntries(base, binary, options),
        config: toConfig(base, kind, options),
        name,
        time: options.time,
        outfile: path.join(options.outdir, `${files[kind]}_${options.version}_${architecture}.oci.tar`),
        work: path.join(work, "image"),
      });
      used.push({ name: `base of ${name}`, digest: base.digest });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  return used;
}

async function toEntries(
  base: BaseImage,
  { file }: Binary,
  { licenses }: ImagesOptions,
): Promise<ArchiveEntry[]> {
  const { name, id, home } = user;
  const withLine = (text: string, line: string) =>
    Buffer.from(`${text === "" ? "" : `${text.trimEnd()}\n`}${line}\n`);
  const passwd = readImageFile(base, "etc/passwd") ?? "root:x:0:0:root:/root:/bin/sh\n";
  if (new RegExp(`^(${name}:|[^:]*:[^:]*:${id}:)`, "m").test(passwd))
    throw new Error(`the base has a user "${name}", or one with the id ${id}`);
  const shell =
    readImageFile(base, "bin/bash") === undefined && readImageFile(base, "usr/bin/bash") === undefined
      ? "/bin/sh"
      : "/bin/bash";
  return [
    { name: "etc/passwd", content: withLine(passwd, `${name}:x:${id}:${id}::${home}:${shell}`) },
    {
      name: "etc/group",
      content: withLine(readImageFile(base, "etc/group") ?? "root:x:0:\n", `${name}:x:${id}:`),
    },
    { name: `${home.slice(1)}/`, mode: 0o755, owner: id },
    { name: "opt/semaphore/", mode: 0o755 },
    // Jobs run as "semaphore": they can neither replace the program, nor read it.
    { name: program.slice(1), mode: 0o711, content: { file } },
    { name: "opt/semaphore/licenses.txt", content: Buffer.from(licenses) },
    { name: "usr/local/bin/signalman", link: program },
  ];
}

function toConfig(base: BaseImage, kind: ImageKind, { version }: ImagesOptions): Record<string, unknown> {
  const inherited = (base.config.config?.["Env"] as string[] | undefined) ?? [];
  const hasPath = inherited.some((line) => line.startsWith("PATH="));
  return {
    ...imageSettings,
    Env: hasPath ? inherited : [...inherited, searchPath],
    Entrypoint: null,
    Labels: {
      "org.opencontainers.image.title": files[kind],
      "org.opencontainers.image.version": version,
      "org.opencontainers.image.licenses": "Apache-2.0",
      "org.opencontainers.image.base.digest": base.digest,
    },
  };
}

const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
