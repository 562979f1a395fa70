import { randomBytes } from "node:crypto";
import { rm, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type CheckContext, type Finding, toMessage, toSize } from "signalman";
import { findCore, findStateDirectory, listAgentDirectories, toMode } from "signalman/host";
import { toRoot } from "./cache.ts";
import type { CacheConfig } from "./config.ts";
import { createFile } from "./store/layout.ts";

/** Checks the directory of the cache: who can access it, its space, and roughly how fast it is written. */
export async function checkCache(
  { size, path }: Pick<CacheConfig, "size" | "path">,
  { config, env, signal }: CheckContext,
): Promise<Finding[]> {
  const core = findCore(config);
  const state = findStateDirectory({ directory: core?.["state-dir"], env });
  const roots = path === "" ? await listRoots(state) : [path];
  const findings = await Promise.all(roots.map((root) => checkDirectory(root, size, signal)));
  return [...findings.flat(), ...(core?.["shell-user"] ? [] : [unprotected])];
}

/** Returns the directories of agents that have served a cache, or the place where the first one will. */
async function listRoots(state: string): Promise<string[]> {
  const roots: string[] = [];
  for (const agent of listAgentDirectories(state)) {
    const root = toRoot("", agent);
    if (await stat(root).catch(() => undefined)) roots.push(root);
  }
  return roots.length > 0 ? roots : [join(state, "agents")];
}

const unprotected: Finding = {
  level: "warning",
  title: "jobs in shells run as the agent's user, and can read and change the cache of every project",
  remedy: "set shell-user, unless all jobs of this agent are trusted alike",
};

async function checkDirectory(root: string, size: number, signal: AbortSignal): Promise<Finding[]> {
  const found = await stat(root).catch(() => undefined);
  if (found && (!found.isDirectory() || (found.mode & 0o077) !== 0)) {
    const title = `the cache directory "${root}" is not usable: mode ${toMode(found.mode)}`;
    return [{ level: "error", title, remedy: `chmod 700 ${root}, or name another directory in cache-path` }];
  }
  const { bsize, bavail, blocks } = await statfs(found ? root : await findExisting(root));
  const [free, disk] = [bsize * bavail, bsize * blocks];
  const where = `the cache directory "${root}"`;
  const space: Finding =
    size > disk
      ? {
          level: "warning",
          title: `the disk of ${where} has ${toSize(disk)}, less than cache-size (${toSize(size)})`,
          remedy: "set a smaller cache-size, or name a larger disk in cache-path",
        }
      : { level: "ok", title: `free space for ${where}: ${toSize(free)}; cache-size is ${toSize(size)}` };
  if (found === undefined) return [space];
  return [space, await measureWrites(root, signal)];
}

/** Writes a file that has no name as soon as it is open. */
async function measureWrites(root: string, signal: AbortSignal): Promise<Finding> {
  const path = join(root, `doctor-${randomBytes(8).toString("hex")}`);
  try {
    await using file = await createFile(path);
    await rm(path);
    const block = Buffer.alloc(1024 * 1024, 0xa5);
    const startedAt = performance.now();
    let written = 0;
    for (; written < probeBytes && !signal.aborted; written += block.length) await file.write(block);
    await file.datasync();
    const rate = (written / Math.max(1, performance.now() - startedAt)) * 1000;
    const title = `the cache directory "${root}" is written at about ${toSize(rate, 0)} per second`;
    if (rate >= slowBytes) return { level: "ok", title };
    return { level: "warning", title, remedy: "name a directory on a faster disk in cache-path" };
  } catch (error) {
    await rm(path, { force: true });
    const title = `the cache directory "${root}" cannot be written: ${toMessage(error)}`;
    return { level: "error", title, remedy: "free space there, or change its owner to the agent's user" };
  }
}

const probeBytes = 16 * 1024 * 1024;
const slowBytes = 20 * 1024 * 1024;

/** Returns the nearest parent that exists. */
async function findExisting(path: string): Promise<string> {
  return (await stat(path).catch(() => undefined)) ? path : findExisting(dirname(path));
}
