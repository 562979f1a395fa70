import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "./command.ts";
import { writeImageArchive, writeLayer } from "./image-archive.ts";
import { directories, files, firstNode, type NodeLayout } from "./layout.ts";
import { unmountBelow } from "./mounts.ts";

const registry = "docker.io/signalman";

export const pauseImage = `${registry}/pause:1`;

/** Images of the cluster; none is ever pulled. */
export const images = {
  /** Debian with bash, script and the usual programs. */
  debian: "signalman/debian:12",
  /** bash and script, and everything else of busybox: what Alpine looks like. */
  busyboxBash: "signalman/busybox-bash:1",
  /** Debian with git. Only tests that need it build it, with {@link buildDebianGit}. */
  debianGit: "signalman/debian-git:12",
  /** No bash: no job can run in it. */
  busybox: "signalman/busybox:1",
  /** Debian without `script`: no session outlives its connection in it. */
  noScript: "signalman/no-script:1",
} as const;

const packaged = (...names: string[]) => path.join(directories.packages, ...names);
const built = (name: string) => path.join(directories.images, name);
const at = (...names: string[]) => path.join(directories.images, ...names);

/** Builds the archives of all images, once. */
export async function buildImages(): Promise<void> {
  if (existsSync(at("done"))) return;
  console.error("cluster: building images");
  await mkdir(directories.images, { recursive: true });
  const layer = await buildDebianLayer();
  await buildPause();
  await buildBusybox();
  const whiteout = at("without-script");
  await mkdir(path.join(whiteout, "usr", "bin"), { recursive: true });
  await writeFile(path.join(whiteout, "usr", "bin", ".wh.script"), "");
  const debian = { layers: [layer], env: environment };
  await writeImageArchive(built("debian.tar"), { ...debian, reference: full(images.debian) });
  await writeImageArchive(built("no-script.tar"), {
    ...debian,
    layers: [layer, whiteout],
    reference: full(images.noScript),
  });
  await writeFile(at("done"), "");
}

/** Brings the images into the running containerd of a node. */
export async function importImages(node = firstNode): Promise<void> {
  const known = await ctr(["images", "list", "--quiet"], node);
  if (known.includes(full(images.noScript))) return;
  const archives = (await readdir(directories.images)).filter(
    (name) => name.endsWith(".tar") && name !== layerName,
  );
  for (const archive of archives) await importImage(at(archive), node);
}

/** Imports one archive of `docker save`. */
export async function importImage(archive: string, node = firstNode): Promise<void> {
  await ctr(["images", "import", archive], node);
}

/**
 * Builds an image on top of Debian, or of `base`, a tar file with another root: the files of `root` are its second
 * layer. Returns its archive.
 */
export async function buildOnDebian(
  reference: string,
  root: string,
  { user = "", base = at(layerName) }: { readonly user?: string; readonly base?: string } = {},
): Promise<string> {
  const archive = at("extra", `${reference.replaceAll(/[^a-z0-9.-]/g, "-")}.tar`);
  await writeImageArchive(archive, {
    reference: full(reference),
    layers: [base, root],
    env: environment,
    user,
  });
  await importImage(archive);
  return archive;
}

/** Builds `images.debianGit` of a tar file with its root, and imports it. */
export async function buildDebianGit(rootFile: string): Promise<void> {
  const archive = at("extra", "debian-git.tar");
  if (!existsSync(archive))
    await writeImageArchive(archive, {
      reference: full(images.debianGit),
      layers: [rootFile],
      env: environment,
    });
  const known = await ctr(["images", "list", "--quiet"], firstNode);
  if (!known.includes(full(images.debianGit))) await importImage(archive);
}

const layerName = "debian-layer.tar";
const environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

function full(reference: string): string {
  return `docker.io/${reference}`;
}

function ctr(args: readonly string[], { containerdSocket }: NodeLayout): Promise<string> {
  const command = [files.ctr, "--address", containerdSocket, "--namespace", "k8s.io", ...args];
  return run(command, { timeoutMs: 180_000 });
}

async function buildDebianLayer(): Promise<string> {
  const layer = at(layerName);
  const root = at("debian");
  // debootstrap leaves its mounts when it is killed.
  await unmountBelow(root);
  await rm(root, { recursive: true, force: true });
  await run([packaged("usr", "sbin", "debootstrap"), "--variant=minbase", "bookworm", root], {
    env: { DEBOOTSTRAP_DIR: packaged("usr", "share", "debootstrap") },
    timeoutMs: 20 * 60_000,
  });
  await rm(path.join(root, "var", "cache", "apt"), { recursive: true, force: true });
  await writeLayer(`${layer}.new`, root);
  await rename(`${layer}.new`, layer);
  return layer;
}

async function buildPause(): Promise<void> {
  const root = at("pause");
  await mkdir(root, { recursive: true });
  await copyFile(path.join(directories.bin, "pause"), path.join(root, "pause"));
  await writeImageArchive(built("pause.tar"), {
    reference: pauseImage,
    layers: [root],
    entrypoint: ["/pause"],
  });
}

async function buildBusybox(): Promise<void> {
  const root = at("busybox");
  const bin = path.join(root, "bin");
  await mkdir(bin, { recursive: true });
  for (const directory of ["etc", "proc", "root", "sys", "tmp", "dev"])
    await mkdir(path.join(root, directory), { recursive: true });
  await chmod(path.join(root, "tmp"), 0o1777);
  await writeFile(path.join(root, "etc", "passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  await writeFile(path.join(root, "etc", "group"), "root:x:0:\n");
  const program = packaged("bin", "busybox");
  await copyFile(program, path.join(bin, "busybox"));
  for (const applet of (await run([program, "--list"])).trim().split("\n"))
    if (applet !== "busybox") await symlink("busybox", path.join(bin, applet)).catch(ignoreExisting);
  await writeImageArchive(built("busybox.tar"), {
    reference: full(images.busybox),
    layers: [root],
    env: environment,
  });
  const bash = at("bash");
  for (const program of ["bash", "script"]) await copyWithLibraries(program, bash);
  await writeImageArchive(built("busybox-bash.tar"), {
    reference: full(images.busyboxBash),
    layers: [root, bash],
    env: environment,
  });
}

/** Copies a program of Debian with the libraries that it is linked with. */
async function copyWithLibraries(program: string, root: string): Promise<void> {
  const debian = at("debian");
  await mkdir(path.join(root, "bin"), { recursive: true });
  const file = path.join(root, "bin", program);
  await rm(file, { force: true });
  await copyFile(path.join(debian, "usr", "bin", program), file);
  const linked = await run(["chroot", debian, "ldd", `/usr/bin/${program}`]);
  for (const [library] of linked.matchAll(/\/\S+\.so\S*/g)) {
    const target = path.join(root, library);
    await mkdir(path.dirname(target), { recursive: true });
    await cp(path.join(debian, library), target, { dereference: true });
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
