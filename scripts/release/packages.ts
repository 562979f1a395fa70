// Packages for Debian, Red Hat and Alpine, from one description, by nfpm.

import { chmod, copyFile, mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { Binary } from "./binaries.ts";
import { findTool, run } from "./run.ts";
import type { SourceTree } from "./source-tree.ts";
import type { Packager } from "./targets.ts";
import { toPackageFiles, type UserFiles } from "./user-files.ts";

const nfpmVersion = "v2.45.2";
const files = path.join(import.meta.dir, "linux");

export interface PackageOptions {
  readonly version: string;
  readonly tree: SourceTree;
  /** A directory for what is needed during the build. */
  readonly work: string;
  readonly outdir: string;
  readonly nfpm: string;
  /** The licences of the program and its packages. */
  readonly licenses: string;
  readonly userFiles: UserFiles;
}

/** Returns the path of nfpm; builds it once from its Go module into `cache`. */
export async function fetchNfpm(cache: string): Promise<string> {
  const folder = path.join(cache, `nfpm-${nfpmVersion}`);
  const file = path.join(folder, "nfpm");
  if (await Bun.file(file).exists()) return file;
  const go = findTool("go", "packages are made by nfpm, a Go module: install Go 1.24 or newer");
  run([go, "install", `github.com/goreleaser/nfpm/v2/cmd/nfpm@${nfpmVersion}`], {
    env: { GOBIN: folder, GOFLAGS: "-trimpath" },
  });
  return file;
}

/** Makes the package of one kind for one processor, and returns its path. */
export async function makePackage(
  packager: Packager,
  { target, file }: Binary,
  options: PackageOptions,
): Promise<string> {
  const { version, tree, outdir, nfpm } = options;
  const arch = target.packageArch;
  const staging = path.join(options.work, `${packager}-${arch}`);
  await mkdir(staging, { recursive: true });
  const contents = await stage(staging, packager, file, options);
  const outfile = path.join(outdir, `signalman_${version}_${arch}.${packager}`);
  const config = path.join(staging, "nfpm.json");
  const scripts = await writeScripts(staging, packager);
  const description = {
    name: "signalman",
    arch,
    platform: "linux",
    version,
    version_schema: "semver",
    maintainer: "The Signalman authors <signalman@localhost>",
    description: [
      "CI job agent for Semaphore",
      "Registers with the control plane, gets jobs, runs them in a shell, in Docker",
      "or in Kubernetes, streams their logs and reports results. Jobs survive a",
      "restart of the agent.",
    ].join("\n"),
    license: "Apache-2.0",
    section: "admin",
    priority: "optional",
    mtime: new Date(tree.time * 1000).toISOString(),
    changelog: await writeChangelog(staging, options),
    contents,
    scripts,
    ...relations[packager],
    rpm: { buildhost: "localhost", group: "Applications/System", compression: "gzip:9" },
    deb: { compression: "gzip" },
    // apk calls no other script at an upgrade.
    apk: { scripts: { postupgrade: scripts.postinstall } },
  };
  await writeFile(config, JSON.stringify(description, undefined, 2));
  await setTimes(staging, tree.time);
  run([nfpm, "package", "--config", config, "--packager", packager, "--target", outfile], {
    env: { SOURCE_DATE_EPOCH: String(tree.time) },
  });
  return outfile;
}

/** `bash` runs the jobs, which use the rest. */
const relations = {
  deb: {
    depends: ["libc6 (>= 2.17)"],
    recommends: ["ca-certificates", "git", "openssh-client", "procps"],
  },
  rpm: {
    depends: ["bash", "shadow-utils"],
    recommends: ["ca-certificates", "git", "openssh-clients"],
  },
  apk: { depends: ["bash", "ca-certificates", "libgcc", "libstdc++"] },
} as const satisfies Record<Packager, object>;

interface Content {
  readonly src?: string;
  readonly dst: string;
  readonly type?: "config|noreplace" | "dir";
  readonly file_info: { readonly mode: number; readonly owner: "root"; readonly group: "root" };
}

/** The service manager of the systems of each kind of package. */
const managers = { deb: "systemd", rpm: "systemd", apk: "openrc" } as const satisfies Record<
  Packager,
  string
>;

interface ServiceFile {
  readonly dst: string;
  readonly source: string;
  readonly mode?: number;
  readonly type?: Content["type"];
}

const services: Readonly<Record<"systemd" | "openrc", readonly ServiceFile[]>> = {
  systemd: [
    { dst: "/usr/lib/systemd/system/signalman.service", source: "signalman.service" },
    { dst: "/etc/default/signalman", source: "default", type: "config|noreplace" },
  ],
  openrc: [
    { dst: "/etc/init.d/signalman", source: "signalman.initd", mode: 0o755 },
    { dst: "/etc/conf.d/signalman", source: "default", type: "config|noreplace" },
  ],
};

/** Puts the files of a package into `staging`, and lists them. */
async function stage(
  staging: string,
  packager: Packager,
  program: string,
  { tree, licenses, userFiles }: Pick<PackageOptions, "tree" | "licenses" | "userFiles">,
): Promise<Content[]> {
  const contents: Content[] = [];
  const add = async (dst: string, source: string | Uint8Array, mode = 0o644, type?: Content["type"]) => {
    const src = path.join(staging, dst.slice(1).replaceAll("/", "_"));
    if (typeof source === "string") await copyFile(source, src);
    else await writeFile(src, source);
    // Otherwise nfpm could not read the program.
    await chmod(src, mode | 0o400);
    contents.push({ src, dst, file_info: { mode, owner: "root", group: "root" }, ...(type && { type }) });
  };
  const addDirectory = (dst: string) =>
    contents.push({ dst, type: "dir", file_info: { mode: 0o755, owner: "root", group: "root" } });
  // Its user cannot read it: the kernel then closes the agent's memory to jobs from its start.
  await add("/usr/bin/signalman", program, 0o711);
  for (const { dst, source, mode, type } of services[managers[packager]])
    await add(dst, path.join(files, source), mode, type);
  addDirectory("/etc/signalman");
  await add("/etc/signalman/config.yaml", path.join(files, "config.yaml"), 0o644, "config|noreplace");
  await add("/etc/signalman/environment", path.join(files, "environment"), 0o600, "config|noreplace");
  const docs = "/usr/share/doc/signalman";
  addDirectory(docs);
  if (packager === "deb") {
    await add(`${docs}/copyright`, path.join(files, "debian-copyright"));
    await add("/usr/share/lintian/overrides/signalman", path.join(files, "lintian-overrides"));
  } else await add(`${docs}/LICENSE`, path.join(tree.path, "LICENSE"));
  await add(`${docs}/licenses.txt.gz`, gzipSync(licenses, { level: 9 }));
  const pages = (await readdir(path.join(tree.path, "docs"))).filter((name) => name.endsWith(".md"));
  for (const [dst, content] of toPackageFiles(packager, userFiles)) await add(dst, content);
  for (const page of pages.toSorted()) await add(`${docs}/${page}`, path.join(tree.path, "docs", page));
  return contents;
}

/** Arguments by which the scripts of each kind of package are called. */
const calls: Readonly<Record<Packager, string>> = {
  deb: [
    'case "$1" in configure | remove | purge) ;; *) exit 0 ;; esac',
    'is_upgrade() { [ "$1" = configure ] && [ -n "$2" ]; }',
    'is_removal() { [ "$1" = remove ]; }',
    'is_purge() { [ "$1" = purge ]; }',
  ].join("\n"),
  rpm: [
    'is_upgrade() { [ "$1" -gt 1 ]; }',
    'is_removal() { [ "$1" = 0 ]; }',
    "is_purge() { return 1; }",
  ].join("\n"),
  apk: ['is_upgrade() { [ -n "$2" ]; }', "is_removal() { return 0; }", "is_purge() { return 1; }"].join("\n"),
};

async function writeScripts(staging: string, packager: Packager) {
  const write = async (name: string) => {
    const shared = [await read("functions.sh"), await read(`${managers[packager]}.sh`)];
    const parts = ["#!/bin/sh", "set -e", calls[packager], ...shared, await read(name)];
    const file = path.join(staging, name);
    await writeFile(file, `${parts.join("\n")}`);
    return file;
  };
  return {
    postinstall: await write("install.sh"),
    preremove: await write("remove.sh"),
    postremove: await write("removed.sh"),
  };
}

const read = (name: string) => readFile(path.join(files, name), "utf8");

/** As nfpm reads it (chglog). */
async function writeChangelog(
  staging: string,
  { version, tree }: Pick<PackageOptions, "version" | "tree">,
): Promise<string> {
  const file = path.join(staging, "changelog.json");
  const entry = {
    semver: version,
    date: new Date(tree.time * 1000).toISOString(),
    packager: "The Signalman authors <signalman@localhost>",
    changes: [{ note: `Release ${version}: see CHANGELOG.md of the source` }],
    deb: { urgency: "medium", distributions: ["stable"] },
  };
  await writeFile(file, JSON.stringify([entry]));
  return file;
}

/** Alpine's packages have the times of the files that they are made from. */
async function setTimes(directory: string, time: number): Promise<void> {
  for (const name of await readdir(directory)) await utimes(path.join(directory, name), time, time);
}
