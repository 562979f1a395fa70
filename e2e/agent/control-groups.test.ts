import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { listPids, readArguments } from "../../src/os/processes/proc.ts";
import { createScene, inHome, jobProcesses, type Scene, waitForExit } from "../support/agents.ts";
import {
  type AgentGroup,
  canCreateGroups,
  createAgentGroup,
  needsGroups,
} from "../support/control-groups.ts";
import { outputOf, uniqueSeconds, until, findProcesses } from "../support/jobs.ts";
import { ordinaryUser, programOf } from "../support/users.ts";

const owners = [
  { user: "root", owner: undefined, as: [] },
  {
    user: "an ordinary user to whom the group is delegated",
    owner: ordinaryUser,
    as: ["setpriv", `--reuid=${ordinaryUser}`, "--clear-groups"],
  },
] as const;

/** Starts itself again in the background if asked to, and waits. */
const escape = `#!/bin/sh
[ "$1" = ignore ] && trap '' TERM HUP INT
[ "$2" = fork ] && { "$0" "$1" - "$3" & exit; }
echo >>"started-$3"
sleep "$3"; :
`;

/** Commands that start a process in every combination of what could hide it from its job. */
function everyEscape(word: string): string {
  const lines = ["", "env -i "].flatMap((environment) =>
    ["", "setsid ", "nohup setsid "].flatMap((session) =>
      ["ignore", "-"].flatMap((signals) =>
        ["fork", "-"].map(
          (fork) =>
            `(${environment}${session}./escape.sh ${signals} ${fork} ${word} </dev/null >/dev/null 2>&1 &)`,
        ),
      ),
    ),
  );
  const wait = `until [ "$(grep -c "" started-${word})" = ${lines.length} ]; do sleep 0.1; done`;
  return [...lines, wait].join("\n");
}

/** Returns a function that starts an agent in a control group. */
async function prepare(group: AgentGroup, scene: Scene, as: readonly string[]) {
  await scene.tester.write("escape.sh", escape, 0o755);
  const program = group.start(await programOf(scene.tester, as));
  const log = ["--log-file-path", inHome(scene, "agent.log")];
  return (args: readonly string[] = []) => scene.readyAgent([...log, ...args], { program });
}

const guardsOf = (id: string) =>
  listPids().filter((pid) => readArguments(pid).some((word) => word.includes(id.replaceAll("-", "_"))));

describe.if(canCreateGroups).each(owners)(
  `in a control group for each job, as $user${needsGroups}`,
  ({ owner, as }) => {
    test("nothing survives a job that passes", async () => {
      await using group = createAgentGroup(owner);
      await using scene = await createScene();
      await (
        await prepare(group, scene, as)
      )();
      const word = uniqueSeconds();
      const id = await scene.hub.submit({ commands: [everyEscape(word), "cat /proc/self/cgroup"] });
      expect((await scene.hub.done(id)).result).toBe("passed");
      expect(outputOf(await scene.hub.log(id), "cat /proc/self/cgroup")).toContain(id.replaceAll("-", "_"));
      expect(findProcesses(word)).toEqual([]);
      expect(group.jobs()).toEqual([]);
    });

    test("nothing survives a job that is stopped", async () => {
      await using group = createAgentGroup(owner);
      await using scene = await createScene();
      await (
        await prepare(group, scene, as)
      )();
      const word = uniqueSeconds();
      const id = await scene.hub.submit({
        commands: [`${everyEscape(word)}\necho ready; sleep ${word}; touch never`],
      });
      await scene.hub.shows(id, "ready");
      await scene.hub.stopJob(id);
      expect((await scene.hub.done(id)).result).toBe("stopped");
      expect(findProcesses(word)).toEqual([]);
      expect(existsSync(inHome(scene, "never"))).toBe(false);
      expect(group.jobs()).toEqual([]);
    });

    test("nothing survives when the job's process is killed", async () => {
      await using group = createAgentGroup(owner);
      await using scene = await createScene();
      await (
        await prepare(group, scene, as)
      )();
      const word = uniqueSeconds();
      const id = await scene.hub.submit({
        commands: [`${everyEscape(word)}\necho ready; sleep ${word}; touch never`],
      });
      await scene.hub.shows(id, "ready");
      for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
      expect((await scene.hub.done(id)).result).toBe("failed");
      expect(findProcesses(word)).toEqual([]);
      expect(existsSync(inHome(scene, "never"))).toBe(false);
      await until("the group is removed", () => group.jobs().length === 0);
    });

    test("nothing survives when `signalman run` is killed", async () => {
      await using group = createAgentGroup(owner);
      await using scene = await createScene();
      const { tester } = scene;
      await tester.write("escape.sh", escape, 0o755);
      const program = group.start(await programOf(tester, as));
      const word = uniqueSeconds();
      const job = await tester.write(
        "job.json",
        JSON.stringify({ commands: [`${everyEscape(word)}\necho ready; sleep 60`] }),
      );
      const running = tester.start(["run", job], { program });
      await running.shows("ready");
      running.kill("SIGKILL");
      await waitForExit(word);
      await until("the group is removed", () => group.jobs().length === 0);
    });

    test("the next agent ends what is left when agent, job's process and guard were killed", async () => {
      await using group = createAgentGroup(owner);
      await using scene = await createScene();
      const start = await prepare(group, scene, as);
      const agent = await start();
      const word = uniqueSeconds();
      const id = await scene.hub.submit({
        commands: [`${everyEscape(word)}\necho ready; sleep ${word}; touch never`],
      });
      await scene.hub.shows(id, "ready");
      agent.kill("SIGKILL");
      for (const pid of [...guardsOf(id), ...jobProcesses(id)]) process.kill(pid, "SIGKILL");
      await agent.finished;
      expect(findProcesses(word)).not.toEqual([]);
      await start();
      expect((await scene.hub.done(id)).result).toBe("failed");
      expect(findProcesses(word)).toEqual([]);
      expect(group.jobs()).toEqual([]);
    });

    test("a job continues in its group when its agent is killed, and the next agent stops it", async () => {
      await using group = createAgentGroup(owner);
      await using scene = await createScene();
      const start = await prepare(group, scene, as);
      const agent = await start();
      const word = uniqueSeconds();
      const id = await scene.hub.submit({
        commands: [`${everyEscape(word)}\necho ready; sleep ${word}; touch never`],
      });
      await scene.hub.shows(id, "ready");
      agent.kill("SIGKILL");
      await agent.finished;
      await start();
      expect(group.jobs()).toHaveLength(1);
      expect(findProcesses(word)).not.toEqual([]);
      await scene.hub.stopJob(id);
      expect((await scene.hub.done(id)).result).toBe("stopped");
      expect(findProcesses(word)).toEqual([]);
      expect(group.jobs()).toEqual([]);
    });

    test("keep-processes spares what it spares, outside of the job's group", async () => {
      await using group = createAgentGroup(owner);
      await using scene = await createScene();
      const [kept, ended] = [uniqueSeconds(), uniqueSeconds()];
      await (
        await prepare(group, scene, as)
      )(["--keep-processes", `*sleep ${kept}*`]);
      const id = await scene.hub.submit({
        commands: [`(env -i setsid sleep ${kept} &); (env -i setsid sleep ${ended} &); sleep 0.3`],
      });
      expect((await scene.hub.done(id)).result).toBe("passed");
      expect(findProcesses(kept).filter((line) => line.startsWith("sleep"))).toEqual([`sleep ${kept}`]);
      expect(findProcesses(ended)).toEqual([]);
      expect(group.jobs()).toEqual([]);
      expect(readFileSync(inHome(scene, "agent.log"), "utf8")).toContain(`left "sleep ${kept}" running`);
    });

    test("an agent within a job has groups within the job's, and ends with it", async () => {
      await using group = createAgentGroup(owner);
      await using scene = await createScene();
      await (
        await prepare(group, scene, as)
      )();
      const word = uniqueSeconds();
      const inner = JSON.stringify({
        commands: [`${everyEscape(word)}\ncat /proc/self/cgroup; touch inner-ready; sleep 60`],
      });
      await scene.tester.write("inner.json", inner);
      const id = await scene.hub.submit({ commands: ['"$(type -P signalman)" run "$HOME/inner.json"'] });
      await until("the inner job runs", () => existsSync(inHome(scene, "inner-ready")));
      await scene.hub.shows(id, "/signalman-run-");
      expect(JSON.stringify(await scene.hub.log(id))).toMatch(/0::\S*\/signalman-\S+\/signalman-run-\S+/);
      await scene.hub.stopJob(id);
      expect((await scene.hub.done(id)).result).toBe("stopped");
      expect(findProcesses(word)).toEqual([]);
      expect(group.jobs()).toEqual([]);
    });

    test("the end of one slot's job leaves the job of another slot alone", async () => {
      await using group = createAgentGroup(owner);
      await using scene = await createScene();
      await (
        await prepare(group, scene, as)
      )(["--slots", "2", "--slot-home", "shared"]);
      const [first, second] = [uniqueSeconds(), uniqueSeconds()];
      const run = (word: string) =>
        scene.hub.submit({ commands: [`${everyEscape(word)}\necho ready; sleep 60`] });
      const [one, two] = [await run(first), await run(second)];
      await Promise.all([one, two].map((id) => scene.hub.shows(id, "ready")));
      const before = findProcesses(second).length;
      await scene.hub.stopJob(one);
      expect((await scene.hub.done(one)).result).toBe("stopped");
      expect(findProcesses(first)).toEqual([]);
      expect(findProcesses(second)).toHaveLength(before);
      await scene.hub.stopJob(two);
      expect((await scene.hub.done(two)).result).toBe("stopped");
      expect(findProcesses(second)).toEqual([]);
    });
  },
);

test.if(canCreateGroups)(`a job of another user cannot leave its control group${needsGroups}`, async () => {
  await using group = createAgentGroup();
  await using scene = await createScene();
  await (
    await prepare(group, scene, [])
  )(["--shell-user", "nobody"]);
  const word = uniqueSeconds();
  const leave = `(env -i setsid sh -c 'echo $$ >"${group.directory}/cgroup.procs"; exec sleep ${word}' >/dev/null 2>&1 &)`;
  const refused = `(echo 0 >"${group.directory}/cgroup.procs") 2>&1 || true`;
  const id = await scene.hub.submit({
    commands: ["id -un", refused, leave, "sleep 0.3; cat /proc/self/cgroup"],
  });
  expect((await scene.hub.done(id)).result).toBe("passed");
  const log = await scene.hub.log(id);
  expect(outputOf(log, "id -un")).toBe("nobody\n");
  expect(outputOf(log, refused)).toContain("Permission denied");
  expect(outputOf(log, "sleep 0.3; cat /proc/self/cgroup")).toContain(id.replaceAll("-", "_"));
  expect(findProcesses(word)).toEqual([]);
  expect(group.jobs()).toEqual([]);
});
