import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { createScene, waitForFile, waitForExit, type Scene } from "../support/agents.ts";
import { binary, type Running } from "../support/fixtures.ts";
import { outline, outputOf, uniqueSeconds, until } from "../support/jobs.ts";
import { expectJobPasses } from "../support/gated-job.ts";
import { runsAsJobUser } from "../support/job-user.ts";
import {
  canChangeUser,
  hasControlGroups,
  createControlGroup,
  createUniqueUser,
  needsControlGroups,
  needsChangeUser,
} from "../support/isolation.ts";

describe("a job that uses up all memory", () => {
  test.concurrent.if(hasControlGroups)(
    `continues after the command that did it, which exits with 137${needsControlGroups}`,
    async () => {
      await using scene = await createScene();
      await using group = createControlGroup("memory", 300 * 2 ** 20);
      await scene.readyAgent([], { program: group.program });
      const eat = "tail /dev/zero; echo ended with $?";
      const id = await scene.hub.submit({ commands: [eat, "echo continues"] });
      expect((await scene.hub.done(id)).result).toBe("passed");
      const events = await scene.hub.log(id);
      expect(outputOf(events, eat)).toContain("ended with 137\n");
      expect(outputOf(events, "echo continues")).toBe("continues\n");
      await expectJobPasses(scene);
    },
  );

  test.concurrent.if(hasControlGroups)(
    `in many processes, each smaller than the agent: the agent and the job's process survive${needsControlGroups}`,
    async () => {
      await using scene = await createScene();
      await using group = createControlGroup("memory", 300 * 2 ** 20);
      const agent = await scene.readyAgent([], { program: group.program });
      const eat =
        "for n in {1..60}; do (x=$(head -c 5M /dev/zero | tr '\\0' x); sleep 30) & done; sleep 3; echo over";
      const id = await scene.hub.submit({ commands: [eat] });
      const { result } = await scene.hub.done(id);
      const log = JSON.stringify(await scene.hub.log(id));
      expect(log).not.toContain("the job's process died");
      expect(outline(await scene.hub.log(id)).at(-1)).toBe(`end ${result}`);
      await expectJobPasses(scene);
      agent.kill("SIGTERM");
      expect((await agent.finished).exitCode).toBe(0);
    },
  );
});

// As another user it cannot: `shell-user.test.ts`.
describe.if(!runsAsJobUser)("a job that kills", () => {
  const cases: [what: string, command: string][] = [
    ["its job process", "kill -9 $(ps -o ppid= -p $PPID); sleep 60"],
    ["the leader of its terminal", "(sleep 0.1; kill -9 $PPID) & sleep 60"],
    ["the leader and the process behind it", "kill -9 $(ps -o ppid= -p $PPID) $PPID; sleep 60"],
  ];
  test.concurrent.each(cases)(
    "%s fails, its next command does not run, and the agent continues",
    async (_, command) => {
      await using scene = await createScene();
      await scene.readyAgent();
      const id = await scene.hub.submit({ commands: [command, "touch never"] });
      expect((await scene.hub.done(id)).result).toBe("failed");
      expect(outline(await scene.hub.log(id)).at(-1)).toBe("end failed");
      expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
      await expectJobPasses(scene);
    },
  );

  test.concurrent("the agent continues, and the next agent reports it", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent();
    const id = await scene.hub.submit({ commands: [`kill -9 ${agent.pid}; sleep 0.5; echo over`] });
    expect((await agent.finished).exitCode).toBe(137);
    await scene.readyAgent();
    expect((await scene.hub.done(id)).result).toBe("passed");
    expect(await scene.hub.log(id)).toEqual(await scene.keptLog(id));
  });

  test.concurrent.if(canChangeUser)(
    `all processes of its user fails: the next agent reports it, and no process is left${needsChangeUser}`,
    async () => {
      await using scene = await createScene();
      const user = createUniqueUser();
      const program = await programOf(scene, user);
      const agent = await scene.readyAgent([], { program });
      const id = await scene.hub.submit({ commands: ["echo started; sleep 0.3; kill -9 -1"] });
      expect((await agent.finished).exitCode).toBe(137);
      await until("all processes of the user have exited", () => user.findProcesses().length === 0);
      await scene.readyAgent([], { program });
      expect((await scene.hub.done(id)).result).toBe("failed");
      expect(JSON.stringify(await scene.hub.log(id))).toContain("the job's process died");
      await expectJobPasses(scene);
    },
  );
});

describe("a job that resists a stop", () => {
  const word = () => uniqueSeconds();
  const cases: [what: string, command: (word: string) => string][] = [
    ["stops its shell", () => "echo started; kill -STOP $$; touch never"],
    ["stops its shell and its terminal's leader", () => "echo started; kill -STOP $PPID $$; touch never"],
    [
      "ignores all signals and reads nothing",
      (seconds) => `trap '' HUP INT TERM QUIT; exec </dev/null; echo started; sleep ${seconds}; touch never`,
    ],
    [
      "makes its terminal raw and stops its output",
      (seconds) =>
        `echo started; stty raw -echo -isig ixon min 0; printf '\\x13'; sleep ${seconds}; touch never`,
    ],
    [
      "ignores all signals in a separate session",
      (seconds) =>
        `setsid bash -c 'trap "" HUP INT TERM QUIT; sleep ${seconds}' & echo started; sleep ${seconds}; touch never`,
    ],
  ];
  test.concurrent.each(cases)("(%s) is stopped, and none of its processes is left", async (_, toCommand) => {
    await using scene = await createScene();
    await scene.readyAgent();
    const seconds = word();
    const id = await scene.hub.submit({ commands: [toCommand(seconds)] });
    await scene.hub.shows(id, "started");
    await scene.hub.stopJob(id);
    expect((await scene.hub.done(id)).result).toBe("stopped");
    await waitForExit(seconds);
    expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
    await expectJobPasses(scene);
  });
});

describe("a job that starts as many processes as possible", () => {
  test.concurrent.if(canChangeUser)(
    `is stopped and reported, none of its processes is left, and the agent runs the next job${needsChangeUser}`,
    async () => {
      await using scene = await createScene();
      const user = createUniqueUser();
      const [shell, ...rest] = ["bash", "-c", 'ulimit -u 150; exec "$@"', "-", binary];
      const program = [...(await programOf(scene, user)).slice(0, -1), shell!, ...rest];
      const agent = await scene.readyAgent([], { program });
      const bomb = 'echo started; bomb() { bomb | bomb & sleep 60; }; bomb 2>/dev/null; touch "$HOME/never"';
      const id = await scene.hub.submit({ commands: [bomb] });
      await scene.hub.shows(id, "started");
      await Bun.sleep(500);
      await scene.hub.stopJob(id);
      expect((await scene.hub.done(id)).result).toBe("stopped");
      await until("all other processes of the user have exited", () =>
        user.findProcesses().every((pid) => pid === agent.pid),
      );
      await until("the host's init has reaped them", () => user.findZombies().length === 0);
      await expectJobPasses(scene);
    },
  );

  test.concurrent.if(hasControlGroups)(
    `within the same limit as its agent: it is reported, and none of its processes is left${needsControlGroups}`,
    async () => {
      await using scene = await createScene();
      await using group = createControlGroup("pids", 150);
      const { program } = group;
      // The job's process stops the job when no new agent can start.
      const patience = ["--claim-timeout", "3"];
      let agent = await scene.readyAgent(patience, { program });
      const word = uniqueSeconds();
      const bomb = `touch started; bomb() { bomb | bomb & sleep ${word}; }; bomb 2>/dev/null; touch never`;
      const id = await scene.hub.submit({ commands: [bomb] });
      // The agent may have been killed, so that the log is not delivered.
      await waitForFile(path.join(scene.tester.home, "started"));
      await Bun.sleep(500);
      await scene.hub.stopJob(id);
      /** Restarts the agent like a supervisor until the job is done. */
      const done = (job: string) =>
        until(`job ${job} is reported`, async () => {
          if (await hasEnded(agent)) agent = scene.agent(patience, { program });
          return (await scene.hub.job(job)).isDone;
        });
      await done(id);
      expect((await scene.hub.job(id)).result).toBeOneOf(["stopped", "failed"]);
      await waitForExit(word);
      expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
      // Killed processes count until their parents have reaped them.
      await until("the group has few processes", () => group.processes() < 75);
      const next = await scene.hub.submit({ commands: ["echo fine"] });
      await done(next);
      expect((await scene.hub.job(next)).result).toBe("passed");
    },
  );
});

const hasEnded = (agent: Running) =>
  Promise.race([agent.finished.then(() => true), Bun.sleep(100).then(() => false)]);

/** Makes the scene's files belong to a user and returns the command that runs the binary as that user. */
async function programOf(
  scene: Scene,
  { uid, as }: { uid: number; as: readonly string[] },
): Promise<string[]> {
  await scene.tester.exec(["bash", "-c", `chown -R ${uid}:${uid} "$(dirname "$HOME")"`]);
  return [...as, binary];
}
