import { stat } from "node:fs/promises";
import { type CheckContext, type Finding, readOutput, toSize } from "signalman";
import { findCore, findStateDirectory, listAgentDirectories, toMode } from "signalman/host";
import type { MirrorsConfig } from "./config.ts";
import { toRoot } from "./store/layout.ts";
import { findFreeSpace } from "./store/space.ts";

/** Checks git, and the directories of the mirrors: who can access them, and their space. */
export async function checkMirrors(
  { size, path }: Pick<MirrorsConfig, "size" | "path">,
  { config, env }: CheckContext,
): Promise<Finding[]> {
  const core = findCore(config);
  const state = findStateDirectory({ directory: core?.["state-dir"], env });
  const roots = path === "" ? listAgentDirectories(state).map((agent) => toRoot("", agent)) : [path];
  const found = await Promise.all(roots.map((root) => checkDirectory(root, size)));
  return [await checkGit(), ...found.flat(), ...(core?.["shell-user"] ? [] : [unprotected])];
}

async function checkGit(): Promise<Finding> {
  const remedy = "install git 2.29 or newer, and ssh for repositories over ssh";
  try {
    const git = Bun.spawn(["git", "--version"], { stdout: "pipe", stderr: "ignore" });
    const version = /\d+\.\d+(\.\d+)?/.exec((await readOutput(git.stdout, 1000)).text)?.[0] ?? "";
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (major > 2 || (major === 2 && minor >= 29))
      return { level: "ok", title: `git ${version} can keep mirrors` };
    return { level: "error", title: `git ${version || "of an unknown version"} cannot keep mirrors`, remedy };
  } catch {
    return { level: "error", title: "git is not installed: jobs are served no mirrors", remedy };
  }
}

async function checkDirectory(root: string, size: number): Promise<Finding[]> {
  const found = await stat(root).catch(() => undefined);
  if (found === undefined) return [];
  const where = `the directory of git mirrors "${root}"`;
  if (!found.isDirectory() || (found.mode & 0o077) !== 0)
    return [
      {
        level: "error",
        title: `${where} is not usable: mode ${toMode(found.mode)}`,
        remedy: `chmod 700 ${root}`,
      },
    ];
  const free = await findFreeSpace(root);
  const title = `free space for ${where}: ${toSize(Math.max(0, free))}; git-mirrors-size is ${toSize(size)}`;
  return free > 0 ? [{ level: "ok", title }] : [{ level: "warning", title, remedy: "free space there" }];
}

const unprotected: Finding = {
  level: "warning",
  title: "jobs in shells run as the agent's user, and can read and change the mirrors of every repository",
  remedy: "set shell-user, unless all jobs of this agent are trusted alike",
};
