import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createJobGroup, openJobGroup } from "../../../src/os/cgroup/job-group.ts";
import { removeLeftGroups } from "../../../src/kit/executor/left-groups.ts";
import { toGroupDirectory } from "../../../src/os/cgroup/place.ts";
import { createCookie } from "../../../src/os/processes/cookie.ts";
import { endProcesses } from "../../../src/os/processes/end.ts";
import { readStat } from "../../../src/os/processes/proc.ts";
import { createJobProcesses } from "../../../src/os/processes/tree.ts";
import { watchUsage } from "../../../src/kit/usage/usage.ts";
import { createRecordingLogger, tmpdir } from "../../../src/testing/index.ts";
import { createTestGroup, needsGroups, canCreateGroups, runIn, until } from "./fixtures.ts";

const escape = `(env -i setsid sh -c '(env -i setsid sleep 1000 &)' &); exec sleep 1000`;
const isRoot = process.getuid?.() === 0;

test("a group that does not exist has no processes, and removing it does nothing", async () => {
  const group = openJobGroup("/sys/fs/cgroup/signalman-not-there");
  expect([group.pids(), group.includes(process.pid), group.figures()]).toEqual([[], false, {}]);
  await group.freeze();
  group.thaw();
  group.release([process.pid]);
  expect(await group.remove()).toEqual([]);
});

test("a group that cannot be created throws, and leaves nothing behind", async () => {
  expect(() => createJobGroup("/proc/signalman")).toThrow(
    'control group "/proc/signalman" cannot be created',
  );
  await using directory = await tmpdir();
  const path = join(directory.path, "no-group");
  expect(() => createJobGroup(path)).toThrow("cgroup.kill");
  expect(existsSync(path)).toBe(false);
});

describe.if(canCreateGroups)(`the control group of a job${needsGroups}`, () => {
  test("contains a process that left session, parents and environment, and ends with it", async () => {
    await using group = createTestGroup()!;
    const job = runIn(group, escape);
    await until("three processes run", () => group.pids().length >= 2 && group.includes(job.pid));
    const pids = group.pids();
    expect(await group.remove()).toEqual([]);
    expect(existsSync(group.directory)).toBe(false);
    await until("they are gone", () => pids.every((pid) => !isRunning(pid)));
  });

  test("is frozen as a whole, so that no process starts another one", async () => {
    await using group = createTestGroup()!;
    runIn(group, "while :; do (sleep 0.001 &); done");
    await until("processes run", () => group.pids().length > 2);
    await group.freeze();
    const before = group.pids();
    await Bun.sleep(50);
    expect(group.pids()).toEqual(before);
    group.thaw();
    await until("it goes on", () => group.pids().some((pid) => !before.includes(pid)));
  });

  test("is removed with the groups that the job created below it", async () => {
    await using group = createTestGroup()!;
    const nested = join(group.directory, "a/b");
    mkdirSync(nested, { recursive: true });
    runIn(openJobGroup(nested), "exec sleep 1000");
    await until("a process is in it", () => group.pids().length === 1);
    expect(await group.remove()).toEqual([]);
    expect(existsSync(group.directory)).toBe(false);
  });

  test("releases a process of the agent that the job has moved there", async () => {
    await using group = createTestGroup()!;
    writeFileSync(join(group.directory, "cgroup.procs"), String(process.pid));
    expect(group.includes(process.pid)).toBe(true);
    await group.freeze();
    expect(group.includes(process.pid)).toBe(false);
    expect(await group.remove()).toEqual([]);
  });

  test("proves that a process is the job's, whatever that process did", async () => {
    await using group = createTestGroup()!;
    const cookie = createCookie("proof");
    using processes = createJobProcesses({ cookie, group });
    const job = runIn(group, escape);
    await until("the processes run", () => group.pids().length >= 2 && readComm(job.pid) === "sleep");
    await until("both sleep", () => group.pids().filter((pid) => readComm(pid) === "sleep").length === 2);
    expect(processes.find().processes.filter(({ comm }) => comm === "sleep")).toHaveLength(2);
    expect(group.pids().every((pid) => processes.includes(pid))).toBe(true);
    const { ended, left } = await endProcesses(processes, { graceMs: 20_000 });
    expect(left).toEqual([]);
    expect(ended.map(({ comm, how }) => `${comm} ${how}`)).toEqual(["sleep term", "sleep term"]);
  });

  test("releases processes that keep-processes spares", async () => {
    await using group = createTestGroup()!;
    using processes = createJobProcesses({ cookie: createCookie("kept"), keep: ["*sleep 1234*"], group });
    const job = runIn(group, "(env -i setsid sleep 1234 &); exec sleep 1000");
    await until("both sleep", () => group.pids().filter((pid) => readComm(pid) === "sleep").length === 2);
    const kept = group.pids().find((pid) => pid !== job.pid)!;
    try {
      const { spared } = await endProcesses(processes, { graceMs: 20_000 });
      expect(spared.map(({ pid }) => pid)).toEqual([kept]);
      expect(await group.remove()).toEqual([]);
      expect(isRunning(kept)).toBe(true);
    } finally {
      process.kill(kept, "SIGKILL");
    }
  });

  test("has the processor time of all processes, after its end as well", async () => {
    await using group = createTestGroup()!;
    using watch = watchUsage({ group });
    const job = runIn(group, "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
    await job.exited;
    await group.remove();
    expect(watch.usage().cpuUserMs).toBeGreaterThan(10);
  });

  test("of an earlier agent process is ended and removed, unless its job runs or it is another agent's", async () => {
    const groups = ["mine", "running", "other"].map((id) => {
      const agentId = id === "other" ? "test-agent-2" : "test-agent";
      return createJobGroup(toGroupDirectory(agentId, createCookie(id))!);
    });
    try {
      for (const group of groups) runIn(group, "exec sleep 1000");
      await until("all run", () => groups.every((group) => group.pids().length === 1));
      const logger = createRecordingLogger();
      const { signal } = new AbortController();
      await removeLeftGroups({ agentId: "test-agent", runningJobs: ["running"], logger, signal });
      expect(groups.map(({ directory }) => existsSync(directory))).toEqual([false, true, true]);
      expect(JSON.stringify(logger.entries)).toContain(basename(groups[0]!.directory));
      await removeLeftGroups({ agentId: "test-agent", jobId: "running", runningJobs: [], logger, signal });
      expect(groups.map(({ directory }) => existsSync(directory))).toEqual([false, false, true]);
    } finally {
      for (const group of groups) await group.remove();
    }
  });

  test.if(isRoot)("moves released processes to the agent's group", async () => {
    await using group = createTestGroup()!;
    const job = runIn(group, "exec sleep 1000");
    await until("it runs", () => group.includes(job.pid));
    group.release([job.pid]);
    expect(group.pids()).toEqual([]);
    expect(readFileSync(join(dirname(group.directory), "cgroup.procs"), "utf8").split("\n")).toContain(
      String(job.pid),
    );
    job.kill();
  });
});

function readComm(pid: number): string | undefined {
  return readStat(pid)?.comm;
}

function isRunning(pid: number): boolean {
  const state = readStat(pid)?.state;
  return state !== undefined && state !== "Z" && state !== "X";
}
