import { expect, test } from "bun:test";
import { lowerResourcePriority, runBefore } from "./resource-priority.ts";

const isLinux = process.platform === "linux";

const lower = (command: readonly string[]) => runBefore(lowerResourcePriority(), command);

const run = (command: readonly string[]) =>
  Bun.spawnSync([...command], { stdout: "pipe" })
    .stdout.toString()
    .trim();

test.if(isLinux)("the command and its children have a higher out-of-memory score than the agent", () => {
  const own = Number(run(["cat", "/proc/self/oom_score_adj"]));
  const given = run(lower(["bash", "-c", "cat /proc/self/oom_score_adj"]));
  expect(given).toBe(String(Math.min(1000, Math.max(0, own) + 300)));
});

test.if(isLinux)(
  "the command has a lower soft limit of processes than the agent, which it can raise again",
  () => {
    const limits = ["bash", "-c", "ulimit -S -u; ulimit -H -u"];
    const [soft, hard] = run(limits).split("\n").map(Number);
    // NaN means unlimited.
    const reserve = Math.min(64, Math.floor(soft! / 4));
    expect(run(lower(limits)).split("\n").map(Number)).toEqual([soft! - reserve, hard!]);
  },
);

test("arguments and quotes of the command are preserved", () => {
  expect(run(lower(["printf", "<%s>", "a b", "'\"", ""]))).toBe("<a b><'\"><>");
});

test("without lines to run before, a command stays as it is", () => {
  expect(runBefore([], ["bash", "--login"])).toEqual(["bash", "--login"]);
});
