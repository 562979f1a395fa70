import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { createExampleScene, createExampleTester, exampleFlags } from "./example-plugins.ts";
import { findLeftovers, findProcesses, outline, until, uniqueSeconds } from "../support/jobs.ts";

test("a stop of the control plane runs the job's own command beside it, with its exports and directory, and then ends it", async () => {
  const word = uniqueSeconds();
  const plugins = { "./stop-hook": {} };
  await using scene = await createExampleScene("stop-hook", {}, { plugins, "stop-grace-period": 1 });
  await scene.startAgent();
  // Ignores SIGTERM, so that the stop takes the grace period as well.
  const onStop = `echo "$STOPPED_BY: $NAME in $PWD"; pgrep -cf "[s]leep ${word}"; sleep ${word} & exit 3`;
  const id = await scene.hub.submit({
    commands: [
      `trap '' TERM; export NAME="it's \\$me" ON_STOP='${onStop}'; cd /usr; echo started; sleep ${word}; echo never`,
      "echo never",
    ],
    epilogueAlways: { commands: ["echo never"] },
  } as never);
  await scene.hub.shows(id, "started");
  await scene.hub.stopJob(id);
  expect((await scene.hub.done(id)).result).toBe("stopped");
  const shown = outline(await scene.hub.log(id)).join("\n");
  expect(shown).toContain("started\n[signalman: stopping: ON_STOP]\nRunning: STOPPED_BY=control-plane; ");
  expect(shown).toContain(`\ncontrol-plane: it's $me in /usr\n1\n[signalman: exit code 1: ON_STOP]\n`);
  expect(shown).not.toContain("\nnever");
  expect(findProcesses(word)).toEqual([]);
  expect(await scene.agentLog()).toContain("ON_STOP of a stopped job has failed");
});

test("a second interrupt of the agent runs it too, and the third ends it at once", async () => {
  const plugins = { "./stop-hook": { timeout: 600 } };
  await using scene = await createExampleScene(
    "stop-hook",
    {},
    {
      plugins,
      "stop-hook-timeout": 600,
      "interruption-grace-period": 600,
    },
  );
  const agent = await scene.startAgent();
  const onStop = 'echo "by $STOPPED_BY" >$HERE/stopped.txt; sleep 600';
  const id = await scene.hub.submit({
    commands: [`export ON_STOP='${onStop}'; export HERE=${scene.tester.home}; echo started; sleep 600`],
  });
  await scene.hub.shows(id, "started");
  agent.kill("SIGTERM");
  await until("the interrupt is logged", async () => (await scene.agentLog()).includes("grace period"));
  agent.kill("SIGTERM");
  const read = () => readFile(`${scene.tester.home}/stopped.txt`, "utf8").catch(() => "");
  await until("the command runs", async () => (await read()) !== "");
  expect(await read()).toBe("by operator\n");
  agent.kill("SIGTERM");
  expect((await agent.finished).exitCode).toBe(1);
  await until("nothing is left", async () => (await findLeftovers(scene.tester)).length === 0);
});

test("run: the first Ctrl-C runs it, within its time", async () => {
  const plugins = { "./stop-hook": { timeout: 1 } };
  await using tester = await createExampleTester("stop-hook", {}, { plugins, "stop-grace-period": 1 });
  const job = { commands: [`export ON_STOP='echo "by $STOPPED_BY"; sleep 600'; echo started; sleep 600`] };
  await tester.write("job.json", JSON.stringify(job));
  const running = tester.start(["run", "job.json", ...exampleFlags]);
  await until("the job runs", () => running.stdout.includes("started"));
  running.kill("SIGINT");
  const { exitCode, stdout, stderr } = await running.finished;
  expect(exitCode).toBe(130);
  expect(stdout).toContain("by operator\n");
  expect(stderr).not.toContain("did not return");
  expect(await findLeftovers(tester)).toEqual([]);
});
