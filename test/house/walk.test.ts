import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { root, textOf } from "../project.ts";

const page = textOf("docs/architecture.md");

interface Hop {
  readonly file: string;
  readonly name: string;
}

/** Reads the hops between the markers of a walk: numbered lines that begin with `file: function` in backticks. */
function hopsOf(walk: string): Hop[] {
  const [, part = ""] = new RegExp(`<!-- walk: ${walk} -->([^]*?)<!-- end: ${walk} -->`).exec(page) ?? [];
  return Array.from(part.matchAll(/^\d+\. `([^`: ]+): (\w+)`/gm), ([, file = "", name = ""]) => ({
    file,
    name,
  }));
}

/** Whether a file defines a function, a class, a method or a constant of this name. */
function defines(file: string, name: string): boolean {
  if (!existsSync(path.join(root, file))) return false;
  const text = textOf(file);
  return [
    `\\bfunction\\*? ${name}\\b`,
    `\\bclass ${name}\\b`,
    `\\b(?:const|let) ${name}\\b`,
    `^\\s+(?:async )?#?${name}\\(`,
    `^\\s+${name}: (?:async )?\\(`,
  ].some((pattern) => new RegExp(pattern, "m").test(text));
}

describe.each(["job", "output"])("the walk along a %s in docs/architecture.md", (walk) => {
  test("has at most twelve hops, each of which exists", () => {
    const hops = hopsOf(walk);
    expect(hops.length).toBeWithin(6, 13);
    expect(hops.filter(({ file, name }) => !defines(file, name))).toEqual([]);
  });
});

test("a hop to a function that does not exist is found", () => {
  expect(defines("src/job/job.ts", "createJob")).toBe(true);
  expect(defines("src/job/job.ts", "createJobs")).toBe(false);
  expect(defines("src/no-such-file.ts", "createJob")).toBe(false);
});
