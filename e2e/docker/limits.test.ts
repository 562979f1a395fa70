import { expect, test } from "bun:test";
import { runWith } from "./container-limits.ts";
import { useTestEngine } from "../support/containers.ts";

useTestEngine();

const hog = `perl -e '$x = "x" x 300_000_000; print length $x, "\\n"'`;

test("a command that takes more memory than the job may have is killed, the job's log says why, and the session goes on", async () => {
  const { outputs, usage } = await runWith({
    limits: { memoryBytes: 100_000_000 },
    commands: [hog, "echo on", "(exit 137)"],
  });
  expect(outputs[0]!.code).toBe(137);
  expect(outputs[0]!.text).toEndWith("[signalman: a process of this command was killed: out of memory]\n");
  expect(outputs.slice(1)).toEqual([
    { code: 0, text: "on\n" },
    { code: 137, text: "" },
  ]);
  expect(usage.oomKills).toBe(1);
  expect(usage.peakMemoryBytes).toBeGreaterThan(50_000_000);
  expect(usage.peakMemoryBytes).toBeLessThanOrEqual(100_000_000);
});

test("a shell that uses all of it is killed, and the log gives the reason", async () => {
  const script = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done";
  const { outputs } = await runWith({
    limits: { memoryBytes: 60_000_000 },
    commands: [script, "echo never"],
  });
  expect(outputs[0]!.code).toBe(1);
  expect(outputs[0]!.text).toMatch(/\[signalman: the job's (shell|container) was killed: out of memory\]\n$/);
  expect(outputs[1]).toEqual({ code: 1, text: "" });
});

test("a job has as many processes as it may, and the session bears it when they are all taken", async () => {
  const bomb = `perl -e 'for (1..100) { my $pid = fork; last if !defined $pid; if (!$pid) { sleep 1000; exit } } print "took all\\n"'`;
  const { outputs } = await runWith({ limits: { pids: 30 }, commands: [bomb, "echo $((6 * 7))"] });
  expect(outputs[0]).toEqual({ code: 0, text: "took all\n" });
  expect(outputs[1]).toEqual({ code: 0, text: "42\n" });
});

test("CPU time is counted", async () => {
  const { usage } = await runWith({
    limits: {},
    commands: ["i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done"],
  });
  expect(usage.cpuUserMs! + usage.cpuSystemMs!).toBeGreaterThan(100);
});
