import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type JobLimits, type Logger, toMessage } from "signalman";
import type { JobNames } from "../containers/job-names.ts";
import type { Engine } from "../engine/engine.ts";
import { createCgroup, findDirectories, findObstacle } from "./hierarchy.ts";

/** A cgroup with the job's limits, the parent of the cgroups of all its containers. */
export interface JobCgroup {
  /** Value of `HostConfig.CgroupParent`. */
  readonly parent: string;
  /** Whether a running container is in it. */
  holds(containerId: string): boolean;
  /** Returns the number of OOM kills in a container; `undefined` after its end. */
  countOomKills(containerId: string): number | undefined;
}

/**
 * Creates the cgroup of a job. Resolves to the reason when limits cannot apply to several containers
 * together.
 */
export async function createJobCgroup(
  engine: Pick<Engine, "endpoint" | "cgroups">,
  { names, limits }: { readonly names: Pick<JobNames, "cgroupName">; readonly limits: JobLimits },
): Promise<JobCgroup | string> {
  const { socketPath, host } = engine.endpoint;
  if (socketPath === undefined) return `the engine at "${host}" is not on this host`;
  const { driver, version } = await engine.cgroups();
  if (driver !== "cgroupfs") return `the engine's cgroup driver is "${driver}" (expected "cgroupfs")`;
  const obstacle = findObstacle(version);
  if (obstacle !== undefined) return obstacle;
  const path = `${parentName}/${names.cgroupName}`;
  try {
    createCgroup(version, path, limits);
  } catch (error) {
    return `cgroup "${path}" could not be created: ${toMessage(error)}`;
  }
  return findJobCgroup(names);
}

/** Returns the cgroup of a job, which may not exist: then it holds and counts nothing. */
export function findJobCgroup({ cgroupName }: Pick<JobNames, "cgroupName">): JobCgroup {
  const path = `${parentName}/${cgroupName}`;
  return {
    parent: `/${path}`,
    holds: (containerId) =>
      findDirectories(path).some((directory) => existsSync(join(directory, containerId))),
    countOomKills: (containerId) => readOomKills(`${path}/${containerId}`),
  };
}

/** Removes the cgroups of jobs whose name `isObsolete` accepts. Their containers must have been removed. */
export async function removeCgroups(isObsolete: (name: string) => boolean, logger: Logger): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const errors = findDirectories(parentName)
      .flatMap((parent) => listCgroups(parent).map((name) => ({ name, directory: join(parent, name) })))
      .filter(({ name }) => isObsolete(name))
      .flatMap(({ directory }) => remove(directory));
    if (errors.length === 0) return;
    if (attempt === maxAttempts) return logger.warn(`could not remove cgroups of jobs: ${errors.join("; ")}`);
    await sleep(retryMs);
  }
}

/** Parent of the cgroups of all jobs. It is never removed. */
const parentName = "signalman";
/** A cgroup cannot be removed while its last process exits. */
const maxAttempts = 20;
const retryMs = 50;

function readOomKills(path: string): number | undefined {
  const files = findDirectories(path).flatMap((directory) =>
    ["memory.events", "memory.oom_control"].map((name) => join(directory, name)),
  );
  for (const file of files) {
    try {
      const [, count] = /^oom_kill (\d+)$/m.exec(readFileSync(file, "utf8")) ?? [];
      if (count !== undefined) return Number(count);
    } catch {
      // One file for each cgroup version; none exists after the container's end.
    }
  }
  return undefined;
}

function listCgroups(parent: string): string[] {
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function remove(directory: string): string[] {
  try {
    rmdirSync(directory);
    return [];
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? [] : [toMessage(error)];
  }
}
