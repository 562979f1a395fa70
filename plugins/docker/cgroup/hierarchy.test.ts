import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { createCgroup, findDirectories, findObstacle } from "./hierarchy.ts";

const limits = { memoryBytes: 1_000_000, cpus: 1.5, pids: 7 };

/** Files below a directory and their texts. */
function read(root: string): Record<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const file = join(parentPath, name);
      return [file.slice(root.length + 1), readFileSync(file, "utf8")];
    }),
  );
}

/** A file that the kernel would have created. */
function make(root: string, path: string, name: string): void {
  mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, path, name), "max");
}

describe("a cgroup with the limits of a job", () => {
  test("is created in the hierarchy of each controller (version 1)", async () => {
    await using root = await tmpdir();
    make(root.path, "memory/jobs/a", "memory.memsw.limit_in_bytes");
    createCgroup("1", "jobs/a", limits, root.path);
    expect(read(root.path)).toEqual({
      "memory/jobs/a/memory.limit_in_bytes": "1000000",
      "memory/jobs/a/memory.memsw.limit_in_bytes": "1000000",
      "cpu/jobs/a/cpu.cfs_period_us": "100000",
      "cpu/jobs/a/cpu.cfs_quota_us": "150000",
      "pids/jobs/a/pids.max": "7",
    });
    expect(findDirectories("jobs/a", root.path).toSorted()).toEqual(
      ["cpu", "memory", "pids"].map((controller) => join(root.path, controller, "jobs/a")),
    );
  });

  test("is created in the unified hierarchy, with its controllers enabled in all ancestors (version 2)", async () => {
    await using root = await tmpdir();
    make(root.path, "jobs/a", "memory.swap.max");
    createCgroup("2", "jobs/a", limits, root.path);
    expect(read(root.path)).toEqual({
      "cgroup.subtree_control": "+memory +cpu +pids",
      "jobs/cgroup.subtree_control": "+memory +cpu +pids",
      "jobs/a/memory.max": "1000000",
      "jobs/a/memory.swap.max": "0",
      "jobs/a/cpu.max": "150000 100000",
      "jobs/a/pids.max": "7",
    });
    expect(findDirectories("jobs/a", root.path)).toEqual([join(root.path, "jobs/a")]);
  });

  test.each(["1", "2"] as const)("has no limit that is not set (version %s)", async (version) => {
    await using root = await tmpdir();
    createCgroup(version, "jobs/a", { pids: 7 }, root.path);
    const names = Object.keys(read(root.path)).filter((name) => !name.endsWith("subtree_control"));
    expect(names).toEqual([version === "1" ? "pids/jobs/a/pids.max" : "jobs/a/pids.max"]);
  });

  test("is not created where the hierarchy is missing, or is only a part of the host's", async () => {
    await using root = await tmpdir();
    expect(findObstacle("1", root.path)).toBe(`"${root.path}/memory" not found`);
    expect(findObstacle("2", root.path)).toBe(`"${root.path}" is not the root of this host's cgroups`);
  });
});
