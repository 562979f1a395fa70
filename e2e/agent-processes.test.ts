import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { listPids, readArguments, readUid } from "../src/os/processes/proc.ts";
import { createScene, gone, inHome, jobProcesses, type Scene } from "./agents.ts";
import { canUnshare, mountNamespace, needsNamespace } from "./limits.ts";
import { living, outputOf, uniqueSeconds, until } from "./jobs.ts";
import { escapes, programOf, users } from "./users.ts";

/** Not the one that the hub, another user's process, has. */
const ownLog = (scene: Scene) => ["--log-file-path", inHome(scene, "agent.log")];
const readLog = (scene: Scene) => readFileSync(inHome(scene, "agent.log"), "utf8");
const sleepers = (word: string) => living(word).filter((line) => line.includes("sleep "));

/** Starts itself again in another session, and ends, four hundred times in about four seconds. */
const hopper = `#!/bin/sh
echo >> hops
[ "$1" -ge 400 ] || setsid "$0" $(($1 + 1)) "$2" </dev/null >/dev/null 2>&1 &
sleep 0.005
`;
const hops = (scene: Scene) =>
  existsSync(inHome(scene, "hops")) ? readFileSync(inHome(scene, "hops"), "utf8").length : 0;

describe.each(users)("what a job of an agent of $user starts", ({ as }) => {
  test.concurrent("is ended when the job has passed, whatever way out it took", async () => {
    await using scene = await createScene();
    await scene.readyAgent(ownLog(scene), { program: await programOf(scene.tester, as) });
    const word = uniqueSeconds();
    const id = await scene.hub.submit({ commands: [escapes(word), "id -u"] });
    expect((await scene.hub.done(id)).result).toBe("passed");
    expect(outputOf(await scene.hub.log(id), "id -u")).toBe(`${as.length > 0 ? 65534 : process.getuid!()}\n`);
    await gone(word);
    expect(readLog(scene).split(`"sleep ${word}"`).length).toBeGreaterThan(7);
  });

  test.concurrent("is ended when the job is stopped, a process that hops from pid to pid as well", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    await scene.readyAgent(ownLog(scene), { program: await programOf(tester, as) });
    const word = uniqueSeconds();
    await tester.write("hop.sh", hopper, 0o755);
    const id = await hub.submit({
      commands: [`${escapes(word)}\n./hop.sh 0 ${word} & echo ready; sleep ${word}; touch never`],
    });
    await hub.shows(id, "ready");
    await until("it hops", () => hops(scene) > 5);
    await hub.stopJob(id);
    expect((await hub.done(id)).result).toBe("stopped");
    await gone(word);
    const before = hops(scene);
    await Bun.sleep(100);
    expect({ hops: hops(scene), isEarly: before < 400 }).toEqual({ hops: before, isEarly: true });
    expect(existsSync(inHome(scene, "never"))).toBe(false);
  });

  test.concurrent("is ended when the job's process is killed, but for what threw its environment away and left its session", async () => {
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
    await gone(ended);
    expect(existsSync(inHome(scene, "never"))).toBe(false);
    expect(sleepers(lives)).toHaveLength(1);
    for (const pid of listPids().filter((one) => readArguments(one).includes(lives)))
      process.kill(pid, "SIGKILL");
  });
});

const sudo = Bun.which("sudo");
const canSudo = sudo !== null && canUnshare;

test.concurrent.if(canSudo)(
  `a process of root that a job of an ordinary user started with sudo cannot be ended: the agent says so, and goes on${canSudo ? "" : `${needsNamespace} (skipped: needs sudo)`}`,
  async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    // Rules that only the agent and what it starts can see.
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
      // sudo passes a SIGTERM on.
      await gone(ended);
      const said = readLog(scene)
        .split("\n")
        .find((line) => line.includes(`could not end "sleep ${lives}"`));
      expect(said).toContain("it runs as another user, and this one may not signal it");
      expect(said).toContain("uid=0");

      const stopped = await hub.submit({ commands: [`echo begun; sudo -n sleep ${held}; touch never`] });
      await hub.shows(stopped, "begun");
      await until("sudo has started it", () => sleepers(held).some((line) => line.startsWith("sleep ")));
      await hub.stopJob(stopped);
      expect((await hub.done(stopped)).result).toBe("stopped");
      expect(existsSync(inHome(scene, "never"))).toBe(false);
      // The terminal it held has hung up.
      await gone(held);
    } finally {
      const left = listPids().filter((pid) => readArguments(pid).includes(lives) && readUid(pid) === 0);
      for (const pid of left) process.kill(pid, "SIGKILL");
    }
  },
);
