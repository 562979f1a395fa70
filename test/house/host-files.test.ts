import { expect, test } from "bun:test";
import { filesOf, textOf } from "../project.ts";

/**
 * Files of plugins that open others by their path without `openHostFile` or `readHostFile` of the SDK, and
 * why nothing can wait there.
 */
const allowed: Readonly<Record<string, string>> = {
  "plugins/cache/identity.ts": "new files (O_EXCL), renamed",
  "plugins/cache/store/layout.ts":
    "new files (O_EXCL); reads with O_NONBLOCK and O_NOFOLLOW, regular files only; in a directory of the agent's user",
  "plugins/cache/upstream/change-journal.ts":
    "new files (O_EXCL), renamed; reads with O_NONBLOCK and O_NOFOLLOW, regular files only",
  "plugins/doctor/checks/limits.ts": "/proc",
  "plugins/doctor/checks/service.ts": "/proc",
  "plugins/doctor/host-warnings.ts": "/proc",
  "plugins/docker/cgroup/hierarchy.ts": "control groups in /sys",
  "plugins/docker/cgroup/job-cgroup.ts": "control groups in /sys",
  "plugins/git-mirrors/store/files.ts":
    "new files (O_EXCL); reads with O_NONBLOCK and O_NOFOLLOW, regular files only; in a directory of the agent's user",
  "plugins/health/process-metrics.ts": "/proc",
  "plugins/hub/storage/durable-driver.ts":
    "new files (O_EXCL) and directories, where only the hub's user can write",
  "plugins/job-log-artifact/plain-text.ts": "new files (O_EXCL); reads through a descriptor",
  "plugins/kubernetes/client/connection.ts": "the service account, which Kubernetes mounts",
  "plugins/kubernetes/lease/lease-file.ts":
    "new files (O_EXCL), renamed; reads in a directory of the agent's user",
  "plugins/page/bundle.ts": "files of the program, beside it",
  "plugins/semaphore/machine-facts.ts": "/etc",
  "plugins/shell/bash-profile.ts": "as the job's user, with O_NONBLOCK, and regular files only",
  "plugins/shell/export-files.ts": "a new name in a directory of the job",
  "plugins/shell/inject-file.ts": "as the job's user, with O_NONBLOCK, and regular files only",
  "plugins/shell/private-file.ts":
    "new files (O_EXCL); overwrites with O_NONBLOCK and O_NOFOLLOW, regular files without further links only",
  "plugins/shell/resource-priority.ts": "/proc",
  "plugins/ssh-jump-point/authorized-keys.ts": "writes through a descriptor",
  "plugins/ssh-jump-point/jump-point.ts": "new files (O_EXCL), renamed",
};

/** Functions of `node:fs` that open a file by its path. */
const openers =
  /^(open|openAsBlob|readFile|writeFile|appendFile|copyFile|cp|truncate|opendir|watch|watchFile)(Sync)?$|^create(Read|Write)Stream$/;
const imports = /import\s+(?:type\s+)?(\{[^}]*\}|[^{}"]+?)\s+from\s+"(?:node:)?fs(?:\/promises)?"/g;
/** Other ways, and functions of packages that read files by their path. */
const others =
  /(import|require)\(\s*"(node:)?fs|\bBun\.(file|write|mmap)\b|\bbun:sqlite\b|\.loadFrom(File|Default|Cluster)\(/;

/** Whether a text can open a file by its path. */
function opens(text: string): boolean {
  const names = Array.from(text.matchAll(imports), ([, names = ""]) => names).flatMap((list) =>
    list.startsWith("{") ? list.slice(1, -1).split(",") : ["open"],
  );
  return others.test(text) || names.some((name) => openers.test(name.trim().split(/\s+as\s+/)[0]!));
}

const sources = filesOf("plugins/**/*.ts").filter((file) => !/\.test\.ts$|\/testing\//.test(file));

test("plugins open files that a job may have replaced with openHostFile and readHostFile only", () => {
  expect(sources.filter((file) => opens(textOf(file)) && !(file in allowed))).toEqual([]);
});

test("each file in the list exists and opens something", () => {
  expect(Object.keys(allowed).filter((file) => !sources.includes(file) || !opens(textOf(file)))).toEqual([]);
});

test("every way to open a file is found", () => {
  for (const text of [
    'import { existsSync, readFileSync } from "node:fs";',
    'import {\n  open as openFile,\n} from "node:fs/promises";',
    'import * as fs from "node:fs";',
    'import fs from "fs";',
    'await import("node:fs/promises")',
    "Bun.file(path)",
    "config.loadFromFile(path)",
  ])
    expect({ text, opens: opens(text) }).toEqual({ text, opens: true });
  expect(opens('import { existsSync, fstatSync, closeSync } from "node:fs";')).toBe(false);
});
