import { expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findOomCounter, type OomCounter } from "../../src/processes/oom.ts";
import { watchUsage } from "../../src/processes/usage.ts";
import { tmpdir } from "../../src/testing/index.ts";

const version1 = "9:name=systemd:/x\n4:cpu,memory:/slice/agent\n0::/x\n";
const control = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
const vmstat = "nr_free_pages 1\noom_kill 9\n";

test.each<[string, Record<string, string>, [OomCounter["scope"], number] | undefined]>([
  [
    "its cgroup's, version 2",
    {
      "proc/self/cgroup": "0::/slice/agent\n",
      "cgroups/slice/agent/memory.events": "low 0\noom 4\noom_kill 2\noom_group_kill 0\n",
      "cgroups/memory.events": "oom_kill 8\n",
      "proc/vmstat": vmstat,
    },
    ["cgroup", 2],
  ],
  [
    "the top's, where a container sees only its own part of the tree",
    {
      "proc/self/cgroup": "0::/../../agent\n",
      "cgroups/memory.events": "oom_kill 8\n",
      "proc/vmstat": vmstat,
    },
    ["cgroup", 8],
  ],
  [
    "its cgroup's, version 1",
    { "proc/self/cgroup": version1, "cgroups/memory/slice/agent/memory.oom_control": control },
    ["cgroup", 3],
  ],
  [
    "the machine's, where no cgroup counts",
    { "proc/self/cgroup": "0::/\n", "proc/vmstat": vmstat },
    ["machine", 9],
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
  const found = findOomCounter(places);
  expect(found && [found.scope, found.count()]).toEqual(expected);
});

test("a kill in our cgroup counts whoever was killed; one on the machine only once a command was seen to die", () => {
  let kills = 5;
  const count = () => kills;
  using own = watchUsage({ oom: { scope: "cgroup", count } });
  using machine = watchUsage({ oom: { scope: "machine", count } });
  const [first, second] = [own.beginCommand(), machine.beginCommand()];
  kills += 1;
  expect(own.usage().oomKills).toBe(1);
  expect(machine.usage().oomKills).toBe(0);
  expect([first(), second()]).toEqual([true, true]);
  expect([own.usage().oomKills, machine.usage().oomKills]).toEqual([1, 1]);
  expect([own.beginCommand()(), machine.beginCommand()()]).toEqual([false, false]);
});

test("where nothing counts kills, nothing is said of them", () => {
  using watch = watchUsage({ oom: undefined });
  expect(watch.usage()).not.toHaveProperty("oomKills");
  expect(watch.beginCommand()()).toBe(false);
});
