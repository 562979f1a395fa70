import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { createEngineApi, type EngineApi } from "./api.ts";
import { needCommand } from "./packages.ts";

/** Images that every test may use. None is ever pulled from anywhere. */
export const images = {
  /** Debian with bash, coreutils and procps. */
  debian: "signalman-test/debian:latest",
  /** The same with git. Only tests that need it import it, from {@link debianGitRoot}. */
  debianGit: "signalman-test/debian-git:latest",
  /** Busybox and bash: two megabytes, for what is pushed and pulled. */
  small: "signalman-test/small:latest",
  /** Busybox alone: a shell, but no bash. */
  busybox: "signalman-test/busybox:latest",
} as const;

/** Makes the images that the engine does not have. `cache` keeps the root file systems that they are made from. */
export async function makeImages(engine: EngineApi, cache: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  if (!(await hasImage(engine, images.busybox)))
    await importImage(engine, images.busybox, await busyboxRoot(cache));
  if (!(await hasImage(engine, images.small)))
    await importImage(engine, images.small, await smallRoot(cache));
  if (!(await hasImage(engine, images.debian)))
    await importImage(engine, images.debian, await debianRoot(cache));
}

export async function hasImage(engine: EngineApi, image: string): Promise<boolean> {
  return engine.call("GET", `/images/${image}/json`).then(
    () => true,
    () => false,
  );
}

/** Imports a tar file as an image. `changes` are lines of a Dockerfile: `USER 1000`. */
export async function importImage(
  engine: EngineApi,
  image: string,
  tarFile: string,
  changes: readonly string[] = [],
): Promise<void> {
  const [repo = "", tag = "latest"] = image.split(":");
  const query = new URLSearchParams({ fromSrc: "-", repo, tag });
  for (const change of changes) query.append("changes", change);
  const answer = await engine.call("POST", `/images/create?${query}`, {
    body: Bun.file(tarFile),
    headers: { "content-type": "application/x-tar" },
  });
  const text = await answer.text();
  if (text.includes('"error"')) throw new Error(`import of "${image}" failed: ${text}`);
}

/** An image made from another one: a container of it is changed, and committed. */
export async function deriveImage(
  socket: string,
  {
    from,
    to,
    script,
    changes = [],
  }: { from: string; to: string; script: string; changes?: readonly string[] },
): Promise<void> {
  const engine = createEngineApi(socket);
  const created = await engine.call("POST", "/containers/create", {
    json: { Image: from, Cmd: ["sh", "-ec", script], HostConfig: { NetworkMode: "none" } },
  });
  const { Id: id } = (await created.json()) as { Id: string };
  try {
    await engine.call("POST", `/containers/${id}/start`);
    const waited = await engine.call("POST", `/containers/${id}/wait`);
    const { StatusCode: code } = (await waited.json()) as { StatusCode: number };
    if (code !== 0) throw new Error(`"${script}" ended with ${code}`);
    const [repo = "", tag = "latest"] = to.split(":");
    const query = new URLSearchParams({ container: id, repo, tag });
    for (const change of ['CMD ["sh"]', ...changes]) query.append("changes", change);
    await engine.call("POST", `/commit?${query}`, { json: {} });
  } finally {
    await engine.call("DELETE", `/containers/${id}?force=1&v=1`);
  }
}

async function busyboxRoot(cache: string): Promise<string> {
  return cached(path.join(cache, "busybox.tar"), fillBusybox);
}

async function smallRoot(cache: string): Promise<string> {
  return cached(path.join(cache, "small.tar"), async (root) => {
    await needCommand("bash-static", "bash-static");
    await fillBusybox(root);
    await copyFile(Bun.which("bash-static")!, path.join(root, "bin/bash"));
  });
}

async function fillBusybox(root: string): Promise<void> {
  await needCommand("busybox", "busybox-static");
  const bin = path.join(root, "bin");
  await mkdir(bin, { recursive: true });
  await mkdir(path.join(root, "tmp"), { mode: 0o1777 });
  await copyFile(Bun.which("busybox")!, path.join(bin, "busybox"));
  await run([path.join(bin, "busybox"), "--install", "-s", bin]);
  // The links name the busybox of the directory in which they were made.
  await run(["sh", "-c", 'for link in *; do [ -L "$link" ] && ln -sf busybox "$link"; done', "sh"], bin);
}

async function debianRoot(cache: string): Promise<string> {
  return bootstrapDebian(path.join(cache, "debian.tar"), ["procps"]);
}

/** Makes the file of `images.debianGit`. */
export async function debianGitRoot(cache: string): Promise<string> {
  return bootstrapDebian(path.join(cache, "debian-git.tar"), ["procps", "git", "ca-certificates"]);
}

async function bootstrapDebian(file: string, packages: readonly string[]): Promise<string> {
  return cached(file, async (root) => {
    await needCommand("debootstrap", "debootstrap");
    const suite = /^VERSION_CODENAME=(\w+)$/m.exec(await Bun.file("/etc/os-release").text())?.[1] ?? "stable";
    await run(["debootstrap", "--variant=minbase", `--include=${packages.join(",")}`, suite, root]);
    await rm(path.join(root, "var/cache/apt"), { recursive: true, force: true });
    await rm(path.join(root, "var/lib/apt/lists"), { recursive: true, force: true });
  });
}

/** A tar file that is made once. */
async function cached(file: string, make: (root: string) => Promise<void>): Promise<string> {
  if (existsSync(file)) return file;
  const directory = await mkdtemp(path.join(path.dirname(file), "root-"));
  try {
    const root = path.join(directory, "root");
    await mkdir(root);
    await make(root);
    const tar = path.join(directory, "root.tar");
    await run(["tar", "--create", "--numeric-owner", "--file", tar, "--directory", root, "."]);
    await rename(tar, file);
    return file;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function run(words: readonly string[], cwd?: string): Promise<void> {
  const child = Bun.spawn([...words], {
    ...(cwd !== undefined && { cwd }),
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`"${words.join(" ")}" failed: ${`${stdout}${stderr}`.trim().slice(-1000)}`);
}
