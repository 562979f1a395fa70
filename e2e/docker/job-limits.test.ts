import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { createCgroup, findDirectories, findObstacle } from "../../plugins/docker/cgroup/hierarchy.ts";
import { cleanUpContainers } from "../../plugins/docker/clean-up.ts";
import { createRecordingLogger } from "../../src/testing/index.ts";
import { runWith } from "./container-limits.ts";
import { containerJob, createContainerScene, testEngine, useTestEngine } from "../support/containers.ts";
import { images } from "../support/engine/images.ts";
import { isRoot } from "../support/users.ts";

useTestEngine();

/** A program that fills memory; perl makes no copy of it. */
const fill = (bytes: number, then = "") => `perl -e '$x = "x"; $x x= ${bytes}; print "filled\n"; ${then}'`;
/** Waits until the service "db" has as much memory as it wants. */
const untilReady = "until (: </dev/tcp/db/80) 2>/dev/null; do sleep 0.1; done";
const listen =
  "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5); sleep 1000";

/** Cgroups of jobs that exist now. */
function jobCgroups(): string[] {
  return findDirectories("signalman").flatMap((directory) =>
    readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => path.join(directory, name)),
  );
}

/** Whether the agent may create cgroups that the engine uses. An engine that tests start has this driver. */
const { CgroupDriver: driver } = await (await testEngine()).api.get<{ CgroupDriver: string }>("/info");
const isLimitedTogether = isRoot && driver === "cgroupfs";

describe.if(isLimitedTogether)("the limits of a job hold for all of its containers together", () => {
  test("memory: a command is killed when it and a service take more than the job may have", async () => {
    const { outputs, usage, warnings } = await runWith({
      limits: { memoryBytes: 200_000_000 },
      service: fill(90_000_000, listen),
      commands: [untilReady, fill(140_000_000), "echo on"],
    });
    expect(warnings).toEqual([]);
    expect(outputs[1]!.code).toBe(137);
    expect(outputs[1]!.text).toEndWith("[signalman: a process of this command was killed: out of memory]\n");
    expect(outputs[2]).toEqual({ code: 0, text: "on\n" });
    expect(usage.oomKills).toBe(1);
    expect(jobCgroups()).toEqual([]);
  });

  test("memory: a service is killed when it is the larger one, and the log of the next failure names it", async () => {
    const { outputs, usage } = await runWith({
      limits: { memoryBytes: 200_000_000 },
      service: fill(140_000_000, listen),
      commands: [untilReady, fill(90_000_000), "sleep 1; (: </dev/tcp/db/80) 2>/dev/null", "false"],
    });
    expect(outputs.slice(1)).toEqual([
      { code: 0, text: "filled\n" },
      { code: 1, text: '[signalman: container "db" was killed: out of memory]\n' },
      { code: 1, text: "" },
    ]);
    expect(usage.oomKills).toBe(1);
  });

  test("processes: a service's count as well", async () => {
    const forks = (count: number, then: string) =>
      `perl -e 'for (1..${count}) { my $pid = fork; last if !defined $pid; $made++; if (!$pid) { sleep 1000; exit } } ${then}'`;
    const { outputs } = await runWith({
      limits: { pids: 40 },
      service: forks(20, listen),
      commands: [untilReady, forks(30, `print $made < 20 ? "few" : "many", "\\n"`), "echo $((6 * 7))"],
    });
    expect(outputs.slice(1)).toEqual([
      { code: 0, text: "few\n" },
      { code: 0, text: "42\n" },
    ]);
  });

  test("CPU: all containers are in one cgroup that has the quota", async () => {
    const quotas: string[] = [];
    await runWith({
      limits: { cpus: 1.5 },
      service: "sleep 1000",
      commands: [],
      look() {
        for (const cgroup of jobCgroups()) {
          const file = ["cpu.cfs_quota_us", "cpu.max"].find((name) => readdirSync(cgroup).includes(name));
          const containers = readdirSync(cgroup, { withFileTypes: true }).filter((entry) =>
            entry.isDirectory(),
          );
          if (file)
            quotas.push(`${readFileSync(path.join(cgroup, file), "utf8").trim()}: ${containers.length}`);
        }
      },
    });
    expect(quotas).toEqual([expect.stringMatching(/^150000( 100000)?: 2$/)]);
    expect(jobCgroups()).toEqual([]);
  });
});

test("the options job-memory, job-cpus and job-pids are enforced for jobs in containers", async () => {
  await using scene = await createContainerScene();
  const limits = ["--job-memory=300000000", "--job-cpus=1", "--job-pids=100"];
  const { exitCode, outline } = await scene.run(
    containerJob([fill(400_000_000), "echo never"], [{ image: images.debian }]),
    limits,
  );
  expect(outline[5]).toEndWith("[signalman: a process of this command was killed: out of memory]\n");
  expect(exitCode).toBe(1);
  expect(await scene.left()).toEqual([]);
});

test.if(isRoot)(
  "cgroups that dead jobs of an agent have left are removed, and none of running jobs and other agents",
  async () => {
    const { host } = await testEngine();
    const [agent, other] = [crypto.randomUUID(), crypto.randomUUID()];
    const version = jobCgroupVersion();
    const names = [
      `${agent}.dead.00000001`,
      `${agent}.older.00000002`,
      `${agent}.alive.00000003`,
      `${other}.dead.00000004`,
    ];
    for (const name of names) createCgroup(version, `signalman/${name}`, { pids: 10 });
    const there = () => names.map((name) => findDirectories(`signalman/${name}`).length);
    const before = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = host;
    try {
      const logger = createRecordingLogger();
      const context = {
        agentId: agent,
        runningJobs: ["alive"],
        logger,
        signal: new AbortController().signal,
      };
      await cleanUpContainers({ ...context, jobId: "dead" }, { "engine-timeout": 60 });
      expect(there()).toEqual([0, 1, 1, 1]);
      await cleanUpContainers(context, { "engine-timeout": 60 });
      expect(there()).toEqual([0, 0, 1, 1]);
      await cleanUpContainers({ ...context, runningJobs: [] }, { "engine-timeout": 60 });
      await cleanUpContainers({ ...context, agentId: other, runningJobs: [] }, { "engine-timeout": 60 });
      expect(there()).toEqual([0, 0, 0, 0]);
      expect(logger.entries.filter(({ level }) => level === "warn")).toEqual([]);
    } finally {
      if (before === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = before;
    }
  },
);

/** The version of this host's cgroups. */
function jobCgroupVersion(): "1" | "2" {
  return findObstacle("1") === undefined ? "1" : "2";
}
