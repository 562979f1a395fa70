import { describe, expect, test } from "bun:test";
import { appendFile, readFile, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { createScene, findFile, waitForExit, jobProcesses, type Scene } from "../support/agents.ts";
import { binary, type Running, type StartOptions } from "../support/fixtures.ts";
import { findProcesses, outline, uniqueSeconds } from "../support/jobs.ts";

const bootId = "/proc/sys/kernel/random/boot_id";
const unshare = ["unshare", process.getuid?.() === 0 ? "-m" : "-rm"];
const mount = `mount --bind "$0" ${bootId} && exec "$@"`;

/** Submits a job that prints 40 lines and then runs on. */
async function submitLong({ hub }: Scene) {
  const word = uniqueSeconds();
  const command = `for i in $(seq 40); do echo line $i; sleep 0.02; done; (setsid sleep ${word} &); sleep ${word}; touch never`;
  const id = await hub.submit({ commands: [command] });
  await hub.shows(id, "line 40\n");
  return { id, word };
}

/** Kills the agent and the job's process at once, like a crash of the machine. */
async function crashMachine(agent: Running, id: string, word: string): Promise<void> {
  agent.kill("SIGKILL");
  for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
  await agent.finished;
  await waitForExit(word);
}

/**
 * Returns how to start a program after a reboot: with another boot id or, without mounts, with another boot
 * id in the stored state.
 */
async function reboot(scene: Scene): Promise<StartOptions> {
  const file = await scene.tester.write("boot-id", "11111111-2222-4333-8444-555555555555\n");
  const { stdout } = await scene.tester.exec([...unshare, "sh", "-c", mount, file, "cat", bootId]);
  if (stdout.startsWith("11111111-")) return { program: [...unshare, "sh", "-c", mount, file, binary] };
  const record = findFile(scene, "process.json");
  const text = await readFile(record, "utf8");
  await writeFile(
    record,
    text.replace(/"bootId":"[^"]*"/, '"bootId":"11111111-2222-4333-8444-555555555555"'),
  );
  return {};
}

/**
 * Expects that the job failed with a reason at the end of its open command, and that hub and disk have the
 * same events.
 */
async function expectFailed(scene: Scene, id: string, shown: string): Promise<void> {
  expect((await scene.hub.done(id)).result).toBe("failed");
  const events = await scene.hub.log(id);
  const lines = outline(events);
  expect(lines.at(-2)).toContain(shown);
  expect(lines.at(-2)).toEndWith(
    "\n[signalman: the machine was restarted while the job ran; the job is reported as failed]\n",
  );
  expect(lines.at(-2)).toContain("] 1: ");
  expect(lines.at(-1)).toBe("end failed");
  expect(await scene.keptLog(id)).toEqual(events);
  expect(await Bun.file(path.join(scene.tester.home, "never")).exists()).toBe(false);
  // The hub may have events that the disk lost; the agent then truncates the hub's log.
  const isTruncation = ({ rule }: { rule: string }) => rule === "push-back" || rule === "push-rewrite";
  expect((await scene.hub.violations()).filter((breach) => !isTruncation(breach))).toEqual([]);
}

describe("the machine restarts during a job", () => {
  test.concurrent("with the complete log on disk: the job is reported as failed with a reason, and the agent continues", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent();
    const { id, word } = await submitLong(scene);
    await crashMachine(agent, id, word);
    const next = scene.agent([], await reboot(scene));
    await expectFailed(scene, id, "\nline 40\n");
    expect(next.stdout).toContain("the machine was restarted while the job ran");
    const later = await scene.hub.submit({ commands: ["true"] });
    expect((await scene.hub.done(later)).result).toBe("passed");
    expect((await scene.hub.calls()).filter(({ endpoint }) => endpoint === "register")).toHaveLength(1);
  });

  const torn: [string, (spool: string) => Promise<void>][] = [
    [
      "in the middle of a line",
      async (spool) => truncate(spool, (await readFile(spool)).indexOf("line 20") + 3),
    ],
    ["with trailing NUL bytes", (spool) => appendFile(spool, Buffer.alloc(5000))],
    [
      "with NUL bytes instead of a block",
      async (spool) => {
        const bytes = await readFile(spool);
        await writeFile(spool, bytes.fill(0, bytes.indexOf("line 20"), bytes.indexOf("line 30")));
      },
    ],
  ];
  test.concurrent.each(torn)(
    "with a log truncated %s, before the hub's last event: hub and disk have the same events",
    async (_, tear) => {
      await using scene = await createScene();
      const agent = await scene.readyAgent();
      const { id, word } = await submitLong(scene);
      await crashMachine(agent, id, word);
      await tear(findFile(scene, "events.ndjson"));
      scene.agent([], await reboot(scene));
      await expectFailed(scene, id, "line 1\n");
    },
  );

  test.concurrent("after the hub has removed the agent: the log is kept, nothing is pushed, and the agent registers again", async () => {
    // The hub removes a busy agent after 4.5 s without a sync.
    await using scene = await createScene({ hub: ["--time-scale", "200"] });
    const { hub } = scene;
    const agent = await scene.readyAgent();
    const { id, word } = await submitLong(scene);
    await crashMachine(agent, id, word);
    expect((await hub.done(id)).result).toBe("failed");
    const before = await hub.log(id);
    const next = scene.agent(["--gone-give-up", "0.3"], await reboot(scene));
    await next.shows("registered as ");
    expect(await hub.log(id)).toEqual(before);
    expect(outline(await scene.keptLog(id)).at(-1)).toBe("end failed");
    expect(findProcesses(word)).toEqual([]);
  });
});
