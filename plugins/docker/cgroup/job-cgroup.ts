import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type JobLimits, type Logger, toMessage } from "signalman";
import type { JobPlace } from "../containers/place.ts";
import type { Engine } from "../engine/engine.ts";
import { createCgroup, findDirectories, findObstacle } from "./hierarchy.ts";

/** A cgroup around all containers of a job, which has the job's limits. */
export interface JobCgroup {
  /** Value of `HostConfig.CgroupParent`. */
  readonly parent: string;
  /** Whether a started container is in it. */
  holds(containerId: string): boolean;
  /** Processes of a container that were killed for want of memory; `undefined` when it has ended. */
  countOomKills(containerId: string): number | undefined;
}

/** Creates the cgroup of a job. Gives the reason when limits cannot hold for several containers together. */
export async function createJobCgroup(
  engine: Pick<Engine, "endpoint" | "cgroups">,
  { place, limits }: { readonly place: Pick<JobPlace, "cgroupName">; readonly limits: JobLimits },
): Promise<JobCgroup | string> {
  const { socketPath, host } = engine.endpoint;
  if (socketPath === undefined) return `the engine at "${host}" is not on this host`;
  const { driver, version } = await engine.cgroups();
  if (driver !== "cgroupfs") return `the engine's cgroup driver is "${driver}" (expected "cgroupfs")`;
  const obstacle = findObstacle(version);
  if (obstacle !== undefined) return obstacle;
  const path = `${parentName}/${place.cgroupName}`;
  try {
    createCgroup(version, path, limits);
  } catch (error) {
    return `cgroup "${path}" could not be created: ${toMessage(error)}`;
  }
  return {
    parent: `/${path}`,
    holds: (containerId) =>
      findDirectories(path).some((directory) => existsSync(join(directory, containerId))),
    countOomKills: (containerId) => readOomKills(`${path}/${containerId}`),
  };
}

/** Removes the cgroups of jobs whose containers have been removed: all whose name `isLeft` accepts. */
export async function removeCgroups(isLeft: (name: string) => boolean, logger: Logger): Promise<void> {
  for (let looks = 1; ; looks += 1) {
    const errors = findDirectories(parentName)
      .flatMap((parent) => listCgroups(parent).map((name) => ({ name, directory: join(parent, name) })))
      .filter(({ name }) => isLeft(name))
      .flatMap(({ directory }) => remove(directory));
    if (errors.length === 0) return;
    if (looks === mostLooks) return logger.warn(`cgroups of jobs are left: ${errors.join("; ")}`);
    await sleep(lookMs);
  }
}

/** The cgroup in which those of jobs are. It stays. */
const parentName = "signalman";
/** The last process of a container may be dying. */
const mostLooks = 20;
const lookMs = 50;

function readOomKills(path: string): number | undefined {
  const files = findDirectories(path).flatMap((directory) =>
    ["memory.events", "memory.oom_control"].map((name) => join(directory, name)),
  );
  for (const file of files) {
    try {
      const [, count] = /^oom_kill (\d+)$/m.exec(readFileSync(file, "utf8")) ?? [];
      if (count !== undefined) return Number(count);
    } catch {
      // Only one of the files exists, until the container has ended.
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
