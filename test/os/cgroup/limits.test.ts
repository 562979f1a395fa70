import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readFigures } from "../../../src/os/cgroup/figures.ts";
import { enableControllers, findLimitFault, setLimits } from "../../../src/os/cgroup/limits.ts";
import type { GroupPlace } from "../../../src/os/cgroup/place.ts";
import { createDouble, groupFiles } from "./fixtures.ts";

const all = { memoryBytes: 1_000_000, pids: 20, cpus: 1.5 };

async function createPlace(files: Readonly<Record<string, string>>, place: Partial<GroupPlace> = {}) {
  const double = await createDouble({ ...groupFiles("/agent"), ...files });
  const { groups: directory, proc } = double;
  const read = (file: string) => readFileSync(join(directory, file), "utf8");
  return {
    ...double,
    read,
    place: { directory, own: join(directory, "agent"), isUnit: true, ...place },
    proc,
  };
}

test("a group without processes of its own enables controllers for the groups of jobs", async () => {
  await using double = await createPlace(groupFiles(""));
  expect(findLimitFault(double.place, all)).toBeUndefined();
  enableControllers(double.place, { pids: 20, cpus: 1 });
  expect(double.read("cgroup.subtree_control")).toBe("+pids +cpu");
});

test("controllers that are enabled already stay as they are", async () => {
  const files = { "cgroup.subtree_control": "cpu memory pids\n", "cgroup.procs": "17\n" };
  await using double = await createPlace(groupFiles("", files));
  expect(findLimitFault(double.place, all)).toBeUndefined();
  enableControllers(double.place, all);
  expect(double.read("cgroup.subtree_control")).toBe("cpu memory pids\n");
});

test("the root of the hierarchy, which has no type, may have processes", async () => {
  const { "groups/cgroup.type": _, ...files } = groupFiles("", { "cgroup.procs": "1\n2\n" });
  await using double = await createPlace(files);
  const place = { ...double.place, own: double.place.directory };
  expect(findLimitFault(place, all)).toBeUndefined();
  enableControllers(place, all);
  expect(double.read("cgroup.subtree_control")).toBe("+memory +pids +cpu");
});

test("an agent that is alone in its group moves to a group below it", async () => {
  await using double = await createPlace(groupFiles("", { "cgroup.procs": `${process.pid}\n` }));
  const place = { ...double.place, own: double.place.directory, isUnit: false };
  expect(findLimitFault(place, all)).toBeUndefined();
  enableControllers(place, all);
  expect(double.read("agent/cgroup.procs")).toBe(String(process.pid));
});

test.each<[string, Record<string, string>, object]>([
  [
    "other processes are in the group",
    groupFiles("", { "cgroup.procs": `${process.pid}\n${process.ppid}\n` }),
    { scope: "group", reason: expect.stringContaining(`processes are in it (${process.ppid})`) },
  ],
  [
    "the agent is in the group of its unit, into which systemd puts the next agent",
    groupFiles("", { "cgroup.procs": `${process.pid}\n` }),
    { scope: "group", reason: expect.stringContaining("while the agent is in it") },
  ],
  [
    "the group has no controller",
    groupFiles("", { "cgroup.controllers": "cpu pids\n" }),
    { scope: "group", reason: expect.stringMatching(/control group ".*" has no controller "memory"/) },
  ],
  [
    "the host is hybrid",
    {
      ...groupFiles("", { "cgroup.controllers": "hugetlb\n" }),
      "proc/cgroups": "#subsys_name\thierarchy\nmemory\t4\t90\t1\npids\t8\t9\t1\ncpu\t2\t9\t1\n",
    },
    {
      scope: "host",
      reason:
        'this host has controllers "memory", "pids", "cpu" in control groups of version 1 (hybrid host)',
    },
  ],
  [
    "the kernel was started without the controller",
    { ...groupFiles("", { "cgroup.controllers": "cpu pids\n" }), "proc/cgroups": "memory\t0\t90\t0\n" },
    { scope: "host", reason: 'the kernel has controller "memory" turned off' },
  ],
])("limits cannot be enforced when %s", async (_, files, fault) => {
  await using double = await createPlace(files);
  const place = { ...double.place, own: double.place.directory };
  expect(findLimitFault(place, all, double.proc)).toEqual(fault as never);
});

test("limits are written to the files of a group, and memory is not swapped instead", async () => {
  const none = { "memory.max": "max", "memory.swap.max": "max", "pids.max": "max", "cpu.max": "max 100000" };
  await using double = await createPlace(groupFiles("/job", none));
  setLimits(join(double.groups, "job"), all);
  const files = ["memory.max", "memory.swap.max", "pids.max", "cpu.max"];
  expect(files.map((file) => double.read(`job/${file}`))).toEqual(["1000000", "0", "20", "150000 100000"]);
});

test("a quota of processor time is at least a millisecond, which the kernel requires", async () => {
  await using double = await createPlace(groupFiles("/job", { "cpu.max": "max 100000" }));
  setLimits(join(double.groups, "job"), { cpus: 0.000_1 });
  expect(double.read("job/cpu.max")).toBe("1000 100000");
});

test("figures are read from the files of the group that exist", async () => {
  await using double = await createPlace(
    groupFiles("/job", { "cpu.stat": "usage_usec 4500\nuser_usec 3200\nsystem_usec 1300\n" }),
  );
  const directory = join(double.groups, "job");
  expect(readFigures(directory)).toEqual({ cpuUserMs: 3, cpuSystemMs: 1 });
  writeFileSync(join(directory, "memory.peak"), "81920\n");
  writeFileSync(
    join(directory, "memory.events"),
    "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n",
  );
  expect(readFigures(directory)).toEqual({
    cpuUserMs: 3,
    cpuSystemMs: 1,
    peakMemoryBytes: 81920,
    oomKills: 1,
  });
  expect(readFigures(join(directory, "gone"))).toEqual({});
});
