import { expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findOomCounter } from "../../../src/kit/usage/oom.ts";
import { watchUsage } from "../../../src/kit/usage/usage.ts";
import { tmpdir } from "../../../src/testing/index.ts";

const version1 = "9:name=systemd:/x\n4:cpu,memory:/slice/agent\n0::/x\n";
const control = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
const vmstat = "nr_free_pages 1\noom_kill 9\n";

test.each<[string, Record<string, string>, { count: number; members: number[] | undefined } | undefined]>([
  [
    "its cgroup's, version 2",
    {
      "proc/self/cgroup": "0::/slice/agent\n",
      "cgroups/slice/agent/memory.events": "low 0\noom 4\noom_kill 2\noom_group_kill 0\n",
      "cgroups/slice/agent/cgroup.procs": "10\n11\n",
      "cgroups/memory.events": "oom_kill 8\n",
      "proc/vmstat": vmstat,
    },
    { count: 2, members: [10, 11] },
  ],
  [
    "the top's, where a container sees only its own part of the tree",
    {
      "proc/self/cgroup": "0::/../../agent\n",
      "cgroups/memory.events": "oom_kill 8\n",
      "cgroups/cgroup.procs": "10\n",
      "proc/vmstat": vmstat,
    },
    { count: 8, members: [10] },
  ],
  [
    "its cgroup's, version 1",
    {
      "proc/self/cgroup": version1,
      "cgroups/memory/slice/agent/memory.oom_control": control,
      "cgroups/memory/slice/agent/cgroup.procs": "10\n99\n",
    },
    { count: 3, members: [10, 99] },
  ],
  [
    "the machine's, where no cgroup counts",
    { "proc/self/cgroup": "0::/\n", "proc/vmstat": vmstat },
    { count: 9, members: undefined },
  ],
  ["none, where the system counts nothing", { "proc/vmstat": "nr_free_pages 1\n" }, undefined],
])("a process finds %s", async (_, files, expected) => {
  await using directory = await tmpdir();
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory.path, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  const places = { proc: join(directory.path, "proc"), cgroups: join(directory.path, "cgroups") };
  using found = findOomCounter(places);
  expect(found && { count: found.count(), members: found.members() }).toEqual(expected);
});

/** A counter with configurable kills and neighbours. */
function createCounter(isAlone: boolean) {
  const state = { kills: 5, isAlone };
  return {
    state,
    count: () => state.kills,
    members: () => [process.ppid, process.pid, ...(state.isAlone ? [] : [0])],
    [Symbol.dispose]: () => {},
  };
}

test("in a cgroup without other users, every kill belongs to the job", () => {
  const oom = createCounter(true);
  using watch = watchUsage({ oom });
  oom.state.kills += 2;
  expect(watch.usage().oomKills).toBe(2);
  const diedOfMemory = watch.beginCommand();
  oom.state.kills += 1;
  watch.look();
  expect(diedOfMemory()).toBe(true);
  expect(watch.usage().oomKills).toBe(3);
});

test("in a shared cgroup a kill belongs to the job if one of its commands died meanwhile", () => {
  const oom = createCounter(false);
  using watch = watchUsage({ oom });
  oom.state.kills += 1;
  expect(watch.usage().oomKills).toBe(0);
  const diedOfMemory = watch.beginCommand();
  oom.state.kills += 2;
  watch.look();
  expect(diedOfMemory()).toBe(true);
  expect(watch.usage().oomKills).toBe(1);
  expect(watch.beginCommand()()).toBe(false);
});

test("processes that have just joined or left the cgroup may be the killed ones", () => {
  const oom = createCounter(false);
  using watch = watchUsage({ oom });
  oom.state.isAlone = true;
  oom.state.kills += 1;
  expect(watch.usage().oomKills).toBe(0);
  oom.state.isAlone = false;
  oom.state.kills += 1;
  expect(watch.usage().oomKills).toBe(0);
});

test("without a counter no kills are reported", () => {
  using watch = watchUsage({ oom: undefined });
  expect(watch.usage()).not.toHaveProperty("oomKills");
  expect(watch.beginCommand()()).toBe(false);
});
