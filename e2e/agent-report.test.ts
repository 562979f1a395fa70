import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { JobSummary } from "../src/core/contracts/job-summary.ts";
import { createScene, jobProcesses, type Scene } from "./agents.ts";
import { createTester } from "./fixtures.ts";
import { canLimit, createControlGroup, needsGroups } from "./limits.ts";
import { outline, outputOf, runForEvents, runJob } from "./jobs.ts";

const mebibyte = 2 ** 20;

/** One second of CPU, exactly: the kernel ends it then. 60 MB, at least, that the shell holds to its end. */
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

describe("what a job used", () => {
  test.concurrent("is in its result and in signalman logs, and in its log only by option", async () => {
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
    const config = { extends: "./impatient.json", plugins: { "./ends.ts": {} } };
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
    expect(await hub.breaches()).toEqual([]);
  });

  test.concurrent("is not known of a job whose process died: nothing is said, and not zeros", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent();
    const id = await hub.submit({ commands: ["echo begun; sleep 60"] });
    await hub.shows(id, "begun");
    for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
    expect((await hub.done(id)).result).toBe("failed");
    const row = (await listLogs(scene)).find(({ job }) => job === id);
    expect(row).toMatchObject({ result: "failed" });
    expect(row).not.toHaveProperty("usage");
  });

  test.concurrent("stands below the log that run shows, also of processes that nobody waited for", async () => {
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

  test.if(canLimit)(
    `is named where a command or the shell died of it, and counted${needsGroups}`,
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
