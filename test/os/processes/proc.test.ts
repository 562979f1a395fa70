import { expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { createCookie, hasCookie } from "../../../src/os/processes/cookie.ts";
import { toKeepMatcher } from "../../../src/os/processes/keep.ts";
import { isAlive, listPids, readArguments, readEnviron, readStat } from "../../../src/os/processes/proc.ts";
import { createPlayground } from "./fixtures.ts";

test("a process with any program name is read", async () => {
  using place = createPlayground();
  const program = join(place.dir, "a) R 1 (é");
  copyFileSync(Bun.which("sleep") ?? "", program);
  const child = Bun.spawn([program, "1000", place.mark], { env: { COLOUR: "blue" } });
  await executed(child.pid);
  const stat = readStat(child.pid);
  expect(stat).toMatchObject({ pid: child.pid, ppid: process.pid, comm: "a) R 1 (é", threads: 1 });
  expect(readArguments(child.pid)).toEqual([program, "1000", place.mark]);
  expect(readEnviron(child.pid)?.toString()).toBe("COLOUR=blue\0");
  expect(listPids()).toContain(child.pid);
  expect(stat && isAlive(stat)).toBe(true);
  child.kill("SIGKILL");
  await child.exited;
  expect(stat && isAlive(stat)).toBe(false);
  expect(readStat(child.pid)).toBeUndefined();
  expect(readEnviron(child.pid)).toBeUndefined();
  expect(readArguments(child.pid)).toEqual([]);
});

test("a very large environment is read completely", async () => {
  using place = createPlayground();
  const filler = Object.fromEntries(
    Array.from({ length: 5 }, (_, index) => [`F${index}`, "x".repeat(100_000)]),
  );
  const child = Bun.spawn(["sleep", "1000", place.mark], { env: { ...filler, LAST: "here" } });
  await executed(child.pid);
  expect(readEnviron(child.pid)?.toString()).toEndWith("LAST=here\0");
  child.kill("SIGKILL");
  await child.exited;
});

test("two runs of a job have different cookies, for any job id", () => {
  const [one, two] = [createCookie("a-b/ü $(x)"), createCookie("a-b/ü $(x)")];
  expect(one.name).toMatch(/^SIGNALMAN_JOB_a_b_____x__[0-9a-f]{8}$/);
  expect(one.name).not.toBe(two.name);
  expect(one.value).not.toBe(two.value);
});

test("a cookie matches an entry of the environment only if it is equal", () => {
  const cookie = createCookie("job");
  const entry = `${cookie.name}=${cookie.value}`;
  const near = fc.constantFrom(
    entry,
    `X${entry}`,
    `${entry}X`,
    `A=${entry}`,
    entry.slice(0, -1),
    `${entry}=`,
    "",
  );
  fc.assert(
    fc.property(fc.array(near), fc.boolean(), (entries, closed) => {
      const environ = Buffer.from(entries.join("\0") + (closed ? "\0" : ""));
      expect(hasCookie(environ, cookie)).toBe(entries.includes(entry));
    }),
  );
});

test("a pattern with wildcards matches the whole command line", () => {
  const self = readStat(process.pid);
  if (self === undefined) throw new Error("no /proc");
  const line = readArguments(process.pid).join(" ");
  const piece = fc.oneof(
    fc.constantFrom("*", "?", "**"),
    fc.nat(line.length).chain((at) => fc.nat(8).map((size) => line.slice(at, at + size))),
  );
  fc.assert(
    fc.property(fc.array(piece), fc.constantFrom("*", "?"), (pieces, last) => {
      const pattern = [...pieces, last].join("");
      const escaped = pattern.replaceAll(/[\\^$.|+()[\]{}]/g, String.raw`\$&`);
      const expected = new RegExp(`^${escaped.replaceAll(/\*+/g, ".*").replaceAll("?", ".")}$`, "s").test(
        line,
      );
      expect(toKeepMatcher([pattern])?.(self)).toBe(expected);
    }),
  );
  expect(toKeepMatcher([`${line}*`])?.(self)).toBe(true);
  expect(toKeepMatcher([`?${line}`])?.(self)).toBe(false);
});

test("no patterns match nothing", () => {
  expect(toKeepMatcher([])).toBeUndefined();
});

/** Waits until a new process has loaded its program, since it has no environment before. */
async function executed(pid: number) {
  while ((readEnviron(pid)?.length ?? 0) === 0) await Bun.sleep(1);
}
