import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "./command.ts";
import { findGo } from "./go.ts";
import { directories } from "./layout.ts";

const version = { major: "1", minor: "34", full: "v1.34.4" } as const;
const source = path.join(import.meta.dir, "kubernetes");
const components = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl"];
/** Without a build cache it takes about five minutes on two cores. */
const buildMs = 20 * 60_000;

/** Builds Kubernetes and the pause program from their Go modules, when their sources have changed. */
export async function buildBinaries(): Promise<void> {
  const stamp = path.join(directories.bin, "stamp");
  const expected = await hashSource();
  if (existsSync(stamp) && (await readFile(stamp, "utf8")) === expected) return;
  console.error("cluster: building Kubernetes from its Go modules; the first build takes about five minutes");
  await mkdir(directories.bin, { recursive: true });
  const go = await findGo();
  await build(go, ".", "kubernetes");
  await build(go, "./pause", "pause");
  for (const name of components) {
    const link = path.join(directories.bin, name);
    await rm(link, { force: true });
    await symlink("kubernetes", link);
  }
  await writeFile(stamp, expected);
}

async function build(go: string, target: string, name: string): Promise<void> {
  const variables = Object.entries({
    gitVersion: version.full,
    gitMajor: version.major,
    gitMinor: version.minor,
    gitTreeState: "clean",
  }).map(([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`);
  const output = path.join(directories.bin, name);
  await run(
    [
      go,
      "build",
      "-trimpath",
      "-mod=readonly",
      "-ldflags",
      `-s -w ${variables.join(" ")}`,
      "-o",
      output,
      target,
    ],
    {
      cwd: source,
      timeoutMs: buildMs,
      env: { CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOFLAGS: "-buildvcs=false" },
    },
  );
}

async function hashSource(): Promise<string> {
  const hash = createHash("sha256").update(version.full);
  for (const file of ["go.mod", "go.sum", "main.go", "pause/main.go"])
    hash.update(await readFile(path.join(source, file)));
  return hash.digest("hex");
}
