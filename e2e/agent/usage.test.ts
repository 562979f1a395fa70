import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { JobSummary } from "../../src/core/contracts/job-summary.ts";
import { createScene, jobProcesses, type Scene } from "../support/agents.ts";
import { createTester } from "../support/fixtures.ts";
import { hasControlGroups, createControlGroup, needsControlGroups } from "../support/isolation.ts";
import { outline, outputOf, runForEvents, runJob } from "../support/jobs.ts";

const mebibyte = 2 ** 20;

/**
 * Uses one second of processor time, then the kernel kills it. `hold` makes the shell use at least 60 MB
 * until it exits.
 */
const burn = "(ulimit -t 1; while :; do :; done) 2>/dev/null; true";
const hold = "held=$(head -c 60000000 /dev/zero | tr '\\0' x); true";
const write = "dd if=/dev/zero of=written bs=1M count=8 conv=fsync 2>/dev/null";

type Row = Partial<JobSummary> & { job: string };

async function listLogs({ tester, stateDirectory }: Scene): Promise<Row[]> {
  const { stdout } = await tester.run(["logs", "--json", "--state-dir", stateDirectory]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);
}

describe("the resource usage of a job", () => {
  test.concurrent("is in its result, in signalman logs and, with --job-report, in its log", async () => {
    await using scene = await createScene();
    const { hub, tester, stateDirectory } = scene;
    await tester.write(
      "ends.ts",
      `import { appendFileSync } from "node:fs";
      import { definePlugin } from "signalman";
      export default definePlugin({
        name: "ends",
        setup: (ctx) => ctx.hook("agent:job-ended", ({ usage }) => appendFileSync("ends.json", JSON.stringify(usage))),
      });`,
    );
    const config = { extends: "./fast.json", plugins: { "./ends.ts": {} } };
    const file = await tester.write("with-ends.json", JSON.stringify(config));
    await scene.readyAgent(["--job-report", "--config-file", file]);
    const id = await hub.submit({ commands: [burn, hold, write] });
    expect((await hub.done(id)).result).toBe("passed");

    const usage = (await listLogs(scene)).find(({ job }) => job === id)?.usage;
    expect(usage).toBeDefined();
    expect(JSON.parse(readFileSync(path.join(tester.home, "ends.json"), "utf8"))).toEqual(usage);
    const cpuMs = (usage?.cpuUserMs ?? 0) + (usage?.cpuSystemMs ?? 0);
    expect(cpuMs).toBeGreaterThanOrEqual(950);
    expect(cpuMs).toBeLessThan(20_000);
    expect(usage?.peakMemoryBytes).toBeGreaterThan(57 * mebibyte);
    expect(usage?.peakMemoryBytes).toBeLessThan(1024 * mebibyte);
    expect(usage?.readBytes).toBeGreaterThanOrEqual(0);

    const events = await hub.log(id);
    expect(outline(events).at(-1)).toBe("end passed");
    expect(outputOf(events, "Job report")).toMatch(
      /^wall time {6}.* s\nCPU time {7}.* s user, .* s system\npeak memory {4}.* MiB\nstorage {8}/,
    );
    const table = await tester.run(["logs", "--state-dir", stateDirectory]);
    expect(table.stdout).toMatch(new RegExp(`^${id} .*CPU \\d+\\.\\d s, memory [\\d.]+ MiB( |$)`, "m"));
    const shown = await tester.run(["logs", id, "--state-dir", stateDirectory]);
    expect(shown.stdout).toMatch(/\npassed in .*\nwall time {6}.*\nCPU time {7}.*\npeak memory {4}/);
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("is missing, not zero, when the job's process was killed", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent();
    const id = await hub.submit({ commands: ["echo started; sleep 60"] });
    await hub.shows(id, "started");
    for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
    expect((await hub.done(id)).result).toBe("failed");
    const row = (await listLogs(scene)).find(({ job }) => job === id);
    expect(row).toMatchObject({ result: "failed" });
    expect(row).not.toHaveProperty("usage");
  });

  test.concurrent("is printed by run and includes processes that were not waited for", async () => {
    await using tester = await createTester();
    const orphan = `(setsid bash -c '${burn}; touch over' &); until [ -e over ]; do sleep 0.1; done`;
    const { stdout } = await runJob(tester, { commands: [orphan] });
    const [, cpu] = /\npassed in .*\nCPU (\d+\.\d) s, memory \d+\.\d MiB\n$/.exec(stdout) ?? [];
    expect(Number(cpu)).toBeGreaterThanOrEqual(0.9);
    expect(Number(cpu)).toBeLessThan(20);
    const { events } = await runForEvents(tester, { commands: ["true"] }, ["--job-report"]);
    expect(outputOf(events, "Job report")).toContain("CPU time");
    expect((await runForEvents(tester, { commands: ["true"] })).events.join("")).not.toContain("Job report");
  });
});

describe("out of memory", () => {
  const hungry = "printf 'no line end'; (a=x; while :; do a=$a$a; done)";
  const shell = "a=x; while :; do a=$a$a; done";

  test.if(hasControlGroups)(
    `is reported for a killed command or shell, and counted${needsControlGroups}`,
    async () => {
      await using group = createControlGroup("memory", 300 * mebibyte);
      await using tester = await createTester();
      const run = async (command: string) => {
        return (await runJob(tester, { commands: [command] }, [], { program: group.program })).stdout;
      };
      const command = await run(hungry);
      expect(command).toContain(
        "\n[signalman: a process of this command was killed: out of memory]\n✗ exit code 137",
      );
      expect(command).toContain("out of memory: 1 process was killed\n");
      const dead = await run(shell);
      expect(dead).toContain("[signalman: the job's shell was killed: out of memory]\n✗ exit code 1");
      expect(dead).toContain("out of memory: 1 process was killed\n");
      const other = await run("bash -c 'kill -9 $$'");
      expect(other).toContain("✗ exit code 137");
      expect(other).not.toContain("out of memory");
    },
  );
});
