import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { listPids, readArguments, readUid } from "../../src/os/processes/proc.ts";
import { createScene, waitForExit, inHome, jobProcesses, type Scene } from "../support/agents.ts";
import { canCreateGroups } from "../support/control-groups.ts";
import { canUnshare, mountNamespace, needsNamespace } from "../support/isolation.ts";
import { findProcesses, outputOf, uniqueSeconds, until } from "../support/jobs.ts";
import { runsAsJobUser } from "../support/job-user.ts";
import { escapes, jobUidOf, programOf, users } from "../support/users.ts";

/** A separate log file, since the default one belongs to the hub's user. */
const ownLog = (scene: Scene) => ["--log-file-path", inHome(scene, "agent.log")];
const readLog = (scene: Scene) => readFileSync(inHome(scene, "agent.log"), "utf8");
const sleepers = (word: string) => findProcesses(word).filter((line) => line.includes("sleep "));

/** A script that restarts itself in another session and exits, 400 times in about four seconds. */
const hopper = `#!/bin/sh
echo >> hops
[ "$1" -ge 400 ] || setsid "$0" $(($1 + 1)) "$2" </dev/null >/dev/null 2>&1 &
sleep 0.005
`;
const hops = (scene: Scene) =>
  existsSync(inHome(scene, "hops")) ? readFileSync(inHome(scene, "hops"), "utf8").length : 0;

describe.each(users)("a process that a job of an agent of $user starts", ({ as }) => {
  test.concurrent("is ended when the job has passed, however it tried to escape", async () => {
    await using scene = await createScene();
    await scene.readyAgent(ownLog(scene), { program: await programOf(scene.tester, as) });
    const word = uniqueSeconds();
    const id = await scene.hub.submit({ commands: [escapes(word), "id -u"] });
    expect((await scene.hub.done(id)).result).toBe("passed");
    expect(outputOf(await scene.hub.log(id), "id -u")).toBe(`${jobUidOf(as)}\n`);
    await waitForExit(word);
    expect(readLog(scene).split(`"sleep ${word}"`).length).toBeGreaterThan(7);
  });

  test.concurrent("is ended when the job is stopped, even if it changes its pid all the time", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    await scene.readyAgent(ownLog(scene), { program: await programOf(tester, as) });
    const word = uniqueSeconds();
    await tester.write("hop.sh", hopper, 0o755);
    const id = await hub.submit({
      commands: [`${escapes(word)}\n./hop.sh 0 ${word} & echo ready; sleep ${word}; touch never`],
    });
    await hub.shows(id, "ready");
    await until("the script restarts itself", () => hops(scene) > 5);
    await hub.stopJob(id);
    expect((await hub.done(id)).result).toBe("stopped");
    await waitForExit(word);
    const before = hops(scene);
    await Bun.sleep(100);
    expect({ hops: hops(scene), isEarly: before < 400 }).toEqual({ hops: before, isEarly: true });
    expect(existsSync(inHome(scene, "never"))).toBe(false);
  });

  test.concurrent("is ended when the job's process is killed, unless it has cleared its environment, left its session, and has no control group", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    await scene.readyAgent(ownLog(scene), { program: await programOf(tester, as) });
    const [ended, lives] = [uniqueSeconds(), uniqueSeconds()];
    const id = await hub.submit({
      commands: [
        [
          escapes(ended).replaceAll(/^.*env -i.*$/gm, ""),
          `env -i sleep ${ended} & (env -i nohup sleep ${ended} >/dev/null 2>&1 &); setsid sh -c 'env -i sleep ${ended}; :' &`,
          `(env -i setsid sleep ${lives} &)`,
          `sleep 0.2; echo ready; sleep ${ended}; touch never`,
        ].join("\n"),
      ],
    });
    await hub.shows(id, "ready");
    for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
    expect((await hub.done(id)).result).toBe("failed");
    await waitForExit(ended);
    expect(existsSync(inHome(scene, "never"))).toBe(false);
    const hasGroup = as.length === 0 && canCreateGroups;
    expect(sleepers(lives)).toHaveLength(hasGroup ? 0 : 1);
    for (const pid of listPids().filter((one) => readArguments(one).includes(lives)))
      process.kill(pid, "SIGKILL");
  });
});

const sudo = Bun.which("sudo");
// In the other mode of these tests the agent is root.
const canSudo = sudo !== null && canUnshare && !runsAsJobUser;

test.concurrent.if(canSudo)(
  `a process of root that an ordinary user's job started with sudo cannot be ended: the agent logs it and continues${canSudo ? "" : `${needsNamespace} (skipped: needs sudo)`}`,
  async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    // The mount makes the rules visible to the agent and its processes only.
    const rules = await tester.write("sudoers", "nobody ALL=(root) NOPASSWD: ALL\n", 0o440);
    const [, ...user] = await programOf(tester, users.at(-1)!.as);
    const script = `mount --bind "$0" /etc/sudoers && exec setpriv "$@"`;
    await scene.readyAgent(ownLog(scene), {
      program: [...mountNamespace, "sh", "-c", script, rules, ...user],
    });
    const [ended, lives, held] = [uniqueSeconds(), uniqueSeconds(), uniqueSeconds()];
    try {
      const id = await hub.submit({
        commands: [
          "sudo -n id -u",
          `(setsid sudo -n sleep ${ended} </dev/null >/dev/null 2>&1 &); (setsid sleep ${ended} &)`,
          `(setsid sudo -n sh -c "trap '' TERM HUP; sleep ${lives}; :" </dev/null >/dev/null 2>&1 &); sleep 0.5`,
        ],
      });
      expect((await hub.done(id)).result).toBe("passed");
      expect(outputOf(await hub.log(id), "sudo -n id -u")).toBe("0\n");
      // sudo forwards SIGTERM.
      await waitForExit(ended);
      const line = readLog(scene)
        .split("\n")
        .find((text) => text.includes(`could not end "sleep ${lives}"`));
      expect(line).toContain("it belongs to another user, whose processes the agent may not signal");
      expect(line).toContain("uid=0");

      const stopped = await hub.submit({ commands: [`echo started; sudo -n sleep ${held}; touch never`] });
      await hub.shows(stopped, "started");
      await until("sudo has started the program", () =>
        sleepers(held).some((line) => line.startsWith("sleep ")),
      );
      await hub.stopJob(stopped);
      expect((await hub.done(stopped)).result).toBe("stopped");
      expect(existsSync(inHome(scene, "never"))).toBe(false);
      // The process exits since its terminal hangs up.
      await waitForExit(held);
    } finally {
      const left = listPids().filter((pid) => readArguments(pid).includes(lives) && readUid(pid) === 0);
      for (const pid of left) process.kill(pid, "SIGKILL");
    }
  },
);
