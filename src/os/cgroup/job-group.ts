import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { JobLimits } from "../../core/contracts/executor-options.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { findStrangers } from "../processes/strangers.ts";
import { type GroupFigures, readFigures } from "./figures.ts";
import { listGroupPids, makeGroup, removeGroups, writeGroupFile } from "./group-tree.ts";
import { findHierarchy, isWithinGroup, readGroupPath } from "./hierarchy.ts";
import { readKernelText } from "../processes/kernel-file.ts";
import { findMissingControllers, setLimits } from "./limits.ts";
import { agentGroup } from "./place.ts";

/**
 * The control group of a job. A process stays in its group with all its children, even when it changes its
 * environment, session or parent. It can leave only with write access to another group: as root, or as the
 * user to whom the group is delegated.
 */
export interface JobGroup {
  readonly directory: string;
  /** Lists the living processes of the group and of the groups that the job created below it. */
  pids(): number[];
  includes(pid: number): boolean;
  /**
   * Suspends all processes of the group at once. Resolves when none of them runs, or after a quarter of a
   * second.
   */
  freeze(): Promise<void>;
  thaw(): void;
  /** Moves processes out of the group, to that of the agent. */
  release(pids: Iterable<number>): void;
  /** Kills these processes of the group, also those of other users. */
  kill(pids: Iterable<number>): void;
  /** Returns what the processes of the group have used; after `remove`, the last figures. */
  figures(): GroupFigures;
  /**
   * Kills all processes of the group and removes it. Returns the processes that the kernel did not end within
   * five seconds.
   */
  remove(): Promise<readonly number[]>;
}

/**
 * Creates the group of a job. Throws `CONTROL_GROUP_FAILED` when the system refuses it, is older than Linux
 * 5.14 (`cgroup.kill`), or cannot enforce a limit.
 */
export function createJobGroup(directory: string, limits: JobLimits = {}): JobGroup {
  try {
    mkdirSync(directory);
    try {
      assertUsable(directory, limits);
      setLimits(directory, limits);
    } catch (error) {
      removeGroups(directory);
      throw error;
    }
  } catch (cause) {
    const message = `the job's control group "${directory}" cannot be created: ${toMessage(cause)}`;
    throw new AgentError("CONTROL_GROUP_FAILED", message, { cause });
  }
  return openJobGroup(directory);
}

/**
 * Opens the group of a job that another process may have created. One that does not exist has no processes.
 */
export function openJobGroup(directory: string): JobGroup {
  let path: string | undefined;
  const write = (file: string, text: string) => writeGroupFile(join(directory, file), text);
  let last: GroupFigures = {};
  const includes = (pid: number) => {
    path ??= findHierarchy()?.toPath(directory);
    const other = readGroupPath(pid);
    return path !== undefined && other !== undefined && isWithinGroup(path, other);
  };
  const move = (pids: Iterable<number>, group: string) => {
    for (const pid of pids) writeGroupFile(join(group, "cgroup.procs"), String(pid));
  };
  const release = (pids: Iterable<number>) => {
    const agents = join(dirname(directory), agentGroup);
    move(pids, existsSync(agents) ? agents : dirname(directory));
  };
  /**
   * Moves processes of the agent out of the group: a job that may move processes can put them there to have
   * them killed.
   */
  const releaseStrangers = () => {
    const inside = new Set(listGroupPids(directory));
    release([...findStrangers().pids].filter((pid) => inside.has(pid)));
  };
  const figures = () => (last = { ...last, ...readFigures(directory) });

  return {
    directory,
    pids: () => listGroupPids(directory),
    includes,
    async freeze() {
      releaseStrangers();
      if (!write("cgroup.freeze", "1")) return;
      const deadline = performance.now() + freezeMs;
      for (let look = 1; !isFrozen(directory) && performance.now() < deadline; look++)
        if (look > busyLooks) await sleep(1);
    },
    thaw: () => void write("cgroup.freeze", "0"),
    release,
    kill(pids) {
      const killGroup = join(directory, "signalman-kill");
      // A job of root can forbid groups below its own (`cgroup.max.descendants`); `remove` kills all the
      // same.
      if (!existsSync(killGroup) && !makeGroup(killGroup)) return;
      move(pids, killGroup);
      writeGroupFile(join(killGroup, "cgroup.kill"), "1");
    },
    figures,
    async remove() {
      if (!existsSync(directory)) return [];
      releaseStrangers();
      figures();
      const deadline = performance.now() + removeMs;
      for (let pause = 1; ; pause = Math.min(20, pause * 2)) {
        write("cgroup.kill", "1");
        if (removeGroups(directory)) return [];
        if (performance.now() > deadline) return listGroupPids(directory);
        await sleep(pause);
      }
    },
  };
}

const freezeMs = 250;
/** Looks at a group before the first pause: most are frozen within microseconds. */
const busyLooks = 20;
const removeMs = 5000;

function assertUsable(directory: string, limits: JobLimits): void {
  if (!existsSync(join(directory, "cgroup.kill")))
    throw new Error('"cgroup.kill" is missing, which Linux has since 5.14');
  const type = readKernelText(join(directory, "cgroup.type"))?.trim();
  if (type !== "domain") throw new Error(`processes cannot enter it, since its type is "${type}"`);
  const [missing] = findMissingControllers(directory, limits);
  if (missing !== undefined)
    throw new Error(`controller "${missing}" is not enabled, so that the job would run without its limit`);
}

function isFrozen(directory: string): boolean {
  const events = readKernelText(join(directory, "cgroup.events"));
  return events === undefined || /^frozen 1$/m.test(events);
}
