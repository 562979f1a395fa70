import { describe, expect, test } from "bun:test";
import { createScene, inHome } from "../support/agents.ts";
import {
  canCreateGroups,
  createAgentGroup,
  enableControllers,
  hasControllers,
} from "../support/control-groups.ts";
import { binary, createTester } from "../support/fixtures.ts";
import { outputOf, runJob } from "../support/jobs.ts";

const canLimit = canCreateGroups && hasControllers();
if (canLimit) enableControllers();
const limits = ["--job-memory", String(64 * 2 ** 20), "--job-pids", "40", "--job-cpus", "0.5"];
const needsControllers = canLimit ? "" : " (skipped: needs root and the controllers of version 2)";

describe.if(canLimit)(`the limits of a job in the shell${needsControllers}`, () => {
  test("hold for all of its processes together, and the agent continues", async () => {
    await using group = createAgentGroup();
    await using scene = await createScene();
    await scene.readyAgent(limits, { program: group.start([binary]) });
    const eat = "tail /dev/zero; echo ended with $?";
    const together =
      "for n in 1 2 3 4 5 6; do (x=$(head -c 20M /dev/zero | tr '\\0' x); sleep 5) & done; wait";
    const fork = "(for n in $(seq 60); do sleep 5 & done) 2>&1 | head -1";
    const read = 'cat "/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)"/{memory.max,pids.max,cpu.max}';
    const id = await scene.hub.submit({ commands: [read, eat, together, fork, "echo continues"] });
    const { result } = await scene.hub.done(id);
    const log = await scene.hub.log(id);
    expect(outputOf(log, read)).toBe("67108864\n40\n50000 100000\n");
    expect(outputOf(log, eat)).toContain("ended with 137\n");
    expect(outputOf(log, fork)).toMatch(/fork|resource/i);
    expect(result).toBe("passed");
    expect(outputOf(log, "echo continues")).toBe("continues\n");
    const again = await scene.hub.submit({ commands: ["true"] });
    expect((await scene.hub.done(again)).result).toBe("passed");
    expect(group.jobs()).toEqual([]);
  });

  test("are reported with the job's memory and kills", async () => {
    await using group = createAgentGroup();
    await using tester = await createTester();
    const job = { commands: ["tail /dev/zero", "head -c 30M /dev/zero | tail -c 30M | wc -c"] };
    const { stdout } = await runJob(tester, job, limits, { program: group.start([binary]) });
    expect(stdout).toContain("[signalman: a process of this command was killed: out of memory]");
    expect(stdout).toMatch(/memory 6[0-4]\.\d MiB, out of memory: 1 process was killed/);
  });
});

describe.if(!canLimit)("limits of jobs that no control group enforces", () => {
  const reason = /cannot enforce "job-memory", "job-cpus", "job-pids": .*(control group|version 1|version 2)/;

  test("refuse the start of an agent, with the reason", async () => {
    await using scene = await createScene();
    const { exitCode, stdout, stderr } = await scene.agent(limits).finished;
    expect(`${stdout}${stderr}`).toMatch(reason);
    // A configuration that is refused (protocol section 8.7).
    expect(exitCode).toBe(1);
    expect((await scene.hub.calls()).length).toBe(0);
  });

  test("refuse `run`, before anything of the job has run", async () => {
    await using tester = await createTester();
    const { exitCode, stdout, stderr } = await runJob(tester, { commands: ["echo runs"] }, limits);
    expect(stderr).toMatch(reason);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });

  test("are reported by doctor", async () => {
    await using tester = await createTester();
    const { stdout } = await tester.run(["doctor", "--json", ...limits]);
    const { findings } = JSON.parse(stdout) as {
      findings: { check: string; level: string; title: string; remedy?: string }[];
    };
    const found = findings.find(({ title }) =>
      title.startsWith("limits of jobs in the shell cannot be enforced"),
    );
    expect(found?.remedy).toContain("DelegateSubgroup=agent");
  });

  test("do not matter to an agent without them", async () => {
    await using scene = await createScene();
    await scene.readyAgent(["--log-file-path", inHome(scene, "agent.log")]);
    const id = await scene.hub.submit({ commands: ["true"] });
    expect((await scene.hub.done(id)).result).toBe("passed");
  });
});
