import { expect, test } from "bun:test";
import { givingWay } from "./give-way.ts";

const isLinux = process.platform === "linux";

const run = (command: readonly string[]) =>
  Bun.spawnSync([...command], { stdout: "pipe" })
    .stdout.toString()
    .trim();

test.if(isLinux)("what runs so dies before us when memory runs out, and so does what it starts", () => {
  const own = Number(run(["cat", "/proc/self/oom_score_adj"]));
  const given = run(givingWay(["bash", "-c", "cat /proc/self/oom_score_adj"]));
  expect(given).toBe(String(Math.min(1000, Math.max(0, own) + 300)));
});

test.if(isLinux)("what runs so may start less than we, and raise that again", () => {
  const limits = ["bash", "-c", "ulimit -S -u; ulimit -H -u"];
  const [soft, hard] = run(limits).split("\n").map(Number);
  // Not a number: unlimited.
  const reserve = Math.min(64, Math.floor(soft! / 4));
  expect(run(givingWay(limits)).split("\n").map(Number)).toEqual([soft! - reserve, hard!]);
});

test("words and quotes of the command are kept", () => {
  expect(run(givingWay(["printf", "<%s>", "a b", "'\"", ""]))).toBe("<a b><'\"><>");
});
