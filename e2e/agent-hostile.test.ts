import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { createScene, fileAppears, gone, type Scene } from "./agents.ts";
import { binary, type Running } from "./fixtures.ts";
import { outline, outputOf, uniqueSeconds, until } from "./jobs.ts";
import { worksAgain } from "./jobs-in-parts.ts";
import {
  canBeSomebody,
  canLimit,
  createControlGroup,
  createSomebody,
  needsGroups,
  needsSomebody,
} from "./limits.ts";

describe("a job that eats all memory", () => {
  test.concurrent.if(canLimit)(`loses the command that did it (137), and goes on${needsGroups}`, async () => {
    await using scene = await createScene();
    await using group = createControlGroup("memory", 300 * 2 ** 20);
    await scene.readyAgent([], { program: group.program });
    const eat = "tail /dev/zero; echo ended with $?";
    const id = await scene.hub.submit({ commands: [eat, "echo goes on"] });
    expect((await scene.hub.done(id)).result).toBe("passed");
    const events = await scene.hub.log(id);
    expect(outputOf(events, eat)).toContain("ended with 137\n");
    expect(outputOf(events, "echo goes on")).toBe("goes on\n");
    await worksAgain(scene);
  });

  test.concurrent.if(canLimit)(
    `in many processes, each smaller than the agent: one of them dies, not the agent nor the job's process${needsGroups}`,
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
      await worksAgain(scene);
      agent.kill("SIGTERM");
      expect((await agent.finished).exitCode).toBe(0);
    },
  );
});

describe("a job that ends what it can", () => {
  const cases: [what: string, command: string][] = [
    ["its job's process", "kill -9 $(ps -o ppid= -p $PPID); sleep 60"],
    ["the leader of its terminal", "(sleep 0.1; kill -9 $PPID) & sleep 60"],
    ["the leader and the process behind it", "kill -9 $(ps -o ppid= -p $PPID) $PPID; sleep 60"],
  ];
  test.concurrent.each(cases)(
    "(%s) has failed, its next command does not run, and the agent lives",
    async (_, command) => {
      await using scene = await createScene();
      await scene.readyAgent();
      const id = await scene.hub.submit({ commands: [command, "touch never"] });
      expect((await scene.hub.done(id)).result).toBe("failed");
      expect(outline(await scene.hub.log(id)).at(-1)).toBe("end failed");
      expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
      await worksAgain(scene);
    },
  );

  test.concurrent("(the agent) goes on, and the next agent reports it", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent();
    const id = await scene.hub.submit({ commands: [`kill -9 ${agent.pid}; sleep 0.5; echo over`] });
    expect((await agent.finished).exitCode).toBe(137);
    await scene.readyAgent();
    expect((await scene.hub.done(id)).result).toBe("passed");
    expect(await scene.hub.log(id)).toEqual(await scene.keptLog(id));
  });

  test.concurrent.if(canBeSomebody)(
    `(all of its user's processes) has failed: the next agent reports it, and nothing is left${needsSomebody}`,
    async () => {
      await using scene = await createScene();
      const somebody = createSomebody();
      const program = await programOf(scene, somebody);
      const agent = await scene.readyAgent([], { program });
      const id = await scene.hub.submit({ commands: ["echo begun; sleep 0.3; kill -9 -1"] });
      expect((await agent.finished).exitCode).toBe(137);
      await until("nothing of it lives", () => somebody.living().length === 0);
      await scene.readyAgent([], { program });
      expect((await scene.hub.done(id)).result).toBe("failed");
      expect(JSON.stringify(await scene.hub.log(id))).toContain("the job's process died");
      await worksAgain(scene);
    },
  );
});

describe("a job that holds on", () => {
  const word = () => uniqueSeconds();
  const cases: [what: string, command: (word: string) => string][] = [
    ["stops its shell", () => "echo begun; kill -STOP $$; touch never"],
    ["stops its shell and its terminal's leader", () => "echo begun; kill -STOP $PPID $$; touch never"],
    [
      "ignores all signals and reads nothing",
      (seconds) => `trap '' HUP INT TERM QUIT; exec </dev/null; echo begun; sleep ${seconds}; touch never`,
    ],
    [
      "makes its terminal raw and stops its output",
      (seconds) =>
        `echo begun; stty raw -echo -isig ixon min 0; printf '\\x13'; sleep ${seconds}; touch never`,
    ],
    [
      "ignores all signals in a session of its own",
      (seconds) =>
        `setsid bash -c 'trap "" HUP INT TERM QUIT; sleep ${seconds}' & echo begun; sleep ${seconds}; touch never`,
    ],
  ];
  test.concurrent.each(cases)("(%s) is stopped, and nothing of it is left", async (_, toCommand) => {
    await using scene = await createScene();
    await scene.readyAgent();
    const seconds = word();
    const id = await scene.hub.submit({ commands: [toCommand(seconds)] });
    await scene.hub.shows(id, "begun");
    await scene.hub.stopJob(id);
    expect((await scene.hub.done(id)).result).toBe("stopped");
    await gone(seconds);
    expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
    await worksAgain(scene);
  });
});

describe("a job that starts all processes it may", () => {
  test.concurrent.if(canBeSomebody)(
    `is stopped and reported, nothing of it is left, and the agent runs the next one${needsSomebody}`,
    async () => {
      await using scene = await createScene();
      const somebody = createSomebody();
      const [shell, ...rest] = ["bash", "-c", 'ulimit -u 150; exec "$@"', "-", binary];
      const program = [...(await programOf(scene, somebody)).slice(0, -1), shell!, ...rest];
      const agent = await scene.readyAgent([], { program });
      const bomb = 'echo begun; bomb() { bomb | bomb & sleep 60; }; bomb 2>/dev/null; touch "$HOME/never"';
      const id = await scene.hub.submit({ commands: [bomb] });
      await scene.hub.shows(id, "begun");
      await Bun.sleep(500);
      await scene.hub.stopJob(id);
      expect((await scene.hub.done(id)).result).toBe("stopped");
      await until("nothing of it lives", () => somebody.living().every((pid) => pid === agent.pid));
      await worksAgain(scene);
    },
  );

  test.concurrent.if(canLimit)(
    `and shares their number with its agent: whatever dies of that, it is reported, and nothing of it is left${needsGroups}`,
    async () => {
      await using scene = await createScene();
      await using group = createControlGroup("pids", 150);
      const { program } = group;
      // Where no new agent finds room to start in, the job's own process ends the job.
      const patience = ["--claim-timeout", "3"];
      let agent = await scene.readyAgent(patience, { program });
      const word = uniqueSeconds();
      const bomb = `touch begun; bomb() { bomb | bomb & sleep ${word}; }; bomb 2>/dev/null; touch never`;
      const id = await scene.hub.submit({ commands: [bomb] });
      // Nobody may be left to deliver what it says.
      await fileAppears(path.join(scene.tester.home, "begun"));
      await Bun.sleep(500);
      await scene.hub.stopJob(id);
      /** Under a supervisor that starts the agent again. */
      const done = (job: string) =>
        until(`job ${job} is reported`, async () => {
          if (await hasEnded(agent)) agent = scene.agent(patience, { program });
          return (await scene.hub.job(job)).isDone;
        });
      await done(id);
      expect((await scene.hub.job(id)).result).toBeOneOf(["stopped", "failed"]);
      await gone(word);
      expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
      // What was killed takes up room until whoever is its parent by now has waited for it.
      await until("there is room again", () => group.processes() < 75);
      const next = await scene.hub.submit({ commands: ["echo fine"] });
      await done(next);
      expect((await scene.hub.job(next)).result).toBe("passed");
    },
  );
});

const hasEnded = (agent: Running) =>
  Promise.race([agent.finished.then(() => true), Bun.sleep(100).then(() => false)]);

/** All of the scene belongs to somebody, and so does its agent. */
async function programOf(
  scene: Scene,
  { uid, as }: { uid: number; as: readonly string[] },
): Promise<string[]> {
  await scene.tester.exec(["bash", "-c", `chown -R ${uid}:${uid} "$(dirname "$HOME")"`]);
  return [...as, binary];
}
