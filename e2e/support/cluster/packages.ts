import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { run } from "./command.ts";
import { directories, home } from "./layout.ts";

/** Debian packages that are unpacked into the cluster's directory. Nothing of them is installed on the host. */
const names = [
  "etcd-server",
  "containerd",
  "runc",
  "containernetworking-plugins",
  "busybox-static",
  "debootstrap",
];

/** Downloads and unpacks the packages, once. */
export async function unpackPackages(): Promise<void> {
  if (existsSync(directories.packages)) return;
  const temporary = await mkdtemp(path.join(home, "packages-"));
  const root = path.join(temporary, "root");
  await mkdir(root);
  await download(temporary);
  const archives = (await readdir(temporary)).filter((name) => name.endsWith(".deb"));
  for (const archive of archives) await run(["dpkg-deb", "-x", path.join(temporary, archive), root]);
  await rename(root, directories.packages);
  await rm(temporary, { recursive: true });
}

async function download(directory: string): Promise<void> {
  const command = ["apt-get", "download", "-o", "APT::Sandbox::User=root", ...names];
  const options = { cwd: directory, timeoutMs: 180_000 };
  try {
    await run(command, options);
  } catch {
    // A fresh machine has no package lists, or lists that name versions that are gone.
    await run(["apt-get", "update"], { timeoutMs: 180_000 });
    await run(command, options);
  }
}
