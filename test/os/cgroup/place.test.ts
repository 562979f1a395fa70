import { expect, test } from "bun:test";
import { join } from "node:path";
import { findHierarchy } from "../../../src/os/cgroup/hierarchy.ts";
import { findGroupPlace, isGroupOf, toGroupName } from "../../../src/os/cgroup/place.ts";
import { createDouble, groupFiles, mount } from "./fixtures.ts";

const unit = "/system.slice/signalman.service";
const at = (path: string) => ({ "proc/self/cgroup": `0::${path}\n`, "proc/self/mountinfo": mount });

test("an agent in a group of its own creates the groups of its jobs there", async () => {
  await using double = await createDouble({ ...at(unit), ...groupFiles(unit) });
  const directory = join(double.groups, unit);
  expect(findGroupPlace(double.proc)).toEqual({ directory, own: directory, isUnit: true });
});

test("an agent in the subgroup that systemd delegates creates them beside itself", async () => {
  const files = { ...at(`${unit}/agent`), ...groupFiles(unit), ...groupFiles(`${unit}/agent`) };
  await using double = await createDouble(files);
  const directory = join(double.groups, unit);
  expect(findGroupPlace(double.proc)).toEqual({ directory, own: join(directory, "agent"), isUnit: true });
});

test("on a hybrid host the hierarchy of version 2 is found among those of version 1", async () => {
  const old = "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
  await using double = await createDouble({
    "proc/self/cgroup": "4:memory:/elsewhere\n9:name=systemd:/x\n0::/\n",
    "proc/self/mountinfo": `${old}${mount}`,
    ...groupFiles(""),
  });
  expect(findGroupPlace(double.proc)).toEqual({
    directory: double.groups,
    own: double.groups,
    isUnit: false,
  });
});

test("a mount that shows only a part of the tree leads to the right directory", async () => {
  const part = mount.replace(" / ", " /docker/abc ");
  await using double = await createDouble({
    "proc/self/cgroup": "0::/docker/abc/inner\n",
    "proc/self/mountinfo": part,
  });
  const hierarchy = findHierarchy(double.proc);
  expect(hierarchy?.toDirectory(hierarchy.ownPath)).toBe(join(double.groups, "inner"));
  expect(hierarchy?.toPath(join(double.groups, "inner/job"))).toBe("/docker/abc/inner/job");
});

test.each<[string, Record<string, string>, string]>([
  [
    "a host without version 2",
    { "proc/self/cgroup": "4:memory:/\n", "proc/self/mountinfo": "" },
    "version 2",
  ],
  ["a group outside of the namespace", at("/../.."), "version 2"],
  [
    "a group that is not there, as where it is not delegated",
    at("/user.slice"),
    "not delegated to this user",
  ],
])("in %s the reason says why no groups are created", async (_, files, reason) => {
  await using double = await createDouble(files);
  expect(findGroupPlace(double.proc)).toEqual({ reason: expect.stringContaining(reason) });
});

test("the name of a job's group belongs to its agent and its cookie", () => {
  const cookie = { name: "SIGNALMAN_JOB_a_0123abcd" };
  const name = toGroupName("agent/../1", cookie);
  expect(name).toBe("signalman-agent____1.SIGNALMAN_JOB_a_0123abcd");
  expect(isGroupOf(`/sys/fs/cgroup/${name}`, cookie)).toBe(true);
  expect(isGroupOf(`/sys/fs/cgroup/${name}`, { name: "SIGNALMAN_JOB_b_0123abcd" })).toBe(false);
  expect(isGroupOf("/sys/fs/cgroup/system.slice", cookie)).toBe(false);
});
