import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createCookie } from "../../../src/os/processes/cookie.ts";
import { createJobGroup, type JobGroup } from "../../../src/os/cgroup/job-group.ts";
import { toGroupDirectory } from "../../../src/os/cgroup/place.ts";
import { tmpdir } from "../../../src/testing/index.ts";

/** A directory that looks like the kernel's files: path → text. `groups` is the mount of version 2. */
export async function createDouble(files: Readonly<Record<string, string>>) {
  const directory = await tmpdir();
  const proc = join(directory.path, "proc");
  const groups = join(directory.path, "groups");
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll("GROUPS", groups));
  }
  return { proc, groups, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

/** The line of a mount of version 2 in `/proc/self/mountinfo`. */
export const mount = "38 31 0:31 / GROUPS rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

/** A group that an agent may use: the files that the kernel creates in it. */
export function groupFiles(name: string, files: Readonly<Record<string, string>> = {}) {
  const all = {
    "cgroup.type": "domain\n",
    "cgroup.procs": "",
    "cgroup.controllers": "cpu memory pids\n",
    "cgroup.subtree_control": "",
    ...files,
  };
  return Object.fromEntries(Object.entries(all).map(([file, text]) => [`groups${name}/${file}`, text]));
}

/** Creates a group below that of the tests. `undefined` where the tests may not create any. */
export function createTestGroup(): (JobGroup & AsyncDisposable) | undefined {
  const directory = toGroupDirectory("test", createCookie("test"));
  if (directory === undefined) return undefined;
  const group = createJobGroup(directory);
  return { ...group, [Symbol.asyncDispose]: async () => void (await group.remove()) };
}

const probe = createTestGroup();
await probe?.remove();
export const canCreateGroups = probe !== undefined;
/** Suffix for the name of a test that is skipped where no group can be created. */
export const needsGroups = canCreateGroups ? "" : " (skipped: needs control groups of version 2, delegated)";

/** Runs a shell script in a group. */
export function runIn(group: JobGroup, script: string, options: { as?: readonly string[] } = {}) {
  const enter = 'echo $$ >"$0/cgroup.procs" || exit 9; exec "$@"';
  const command = [...(options.as ?? []), "sh", "-c", script];
  return Bun.spawn(["sh", "-c", enter, group.directory, ...command], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Waits for a condition with a minute's patience. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within a minute: ${what}`);
    await Bun.sleep(5);
  }
}
