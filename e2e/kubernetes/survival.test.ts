import { expect, test } from "bun:test";
import { jobProcesses, type Scene } from "../support/agents.ts";
import { images } from "../support/cluster/images.ts";
import { outline, outputOf } from "../support/jobs.ts";
import { createPodScene, createSurvivalPlace } from "./agents.ts";
import { patiently, podSpec } from "./namespaces.ts";
import { runSurvivalRounds } from "../support/survival-rounds.ts";

const rounds = 12;

/** Kills the process of a job; resolves when the agent has started another one. */
async function killProcess(id: string): Promise<void> {
  const killed = jobProcesses(id);
  for (const pid of killed) process.kill(pid, "SIGKILL");
  await patiently(`job ${id} has another process`, async () =>
    jobProcesses(id).some((pid) => !killed.includes(pid)),
  );
}

/** Size of a job's log on disk. */
function logSize({ stateDirectory }: Scene, id: string): number {
  const [log = ""] = new Bun.Glob(`**/${id}/events.ndjson`).scanSync({ cwd: stateDirectory, absolute: true });
  return log === "" ? 0 : Bun.file(log).size;
}

test("jobs whose processes and agents are killed at random moments pass, with a log that is exact to the byte", async () => {
  await using place = await createSurvivalPlace();
  expect(await runSurvivalRounds(place, { from: 1, to: rounds })).toBeGreaterThanOrEqual(rounds);
}, 600_000);

test("a command that has written 11 MB is continued, and the log has each of its lines once", async () => {
  await using pods = await createPodScene();
  const { scene, namespace } = pods;
  await pods.start();
  const flood = "for i in $(seq 15); do seq $((i * 100000)) $((i * 100000 + 99999)); sleep 0.3; done";
  const id = await scene.hub.submit({ commands: [flood, "echo behind"] });
  for (const megabytes of [2, 5, 8]) {
    await patiently(
      `the log of job ${id} has ${megabytes} MB`,
      async () => logSize(scene, id) > megabytes * 1e6,
    );
    await killProcess(id);
  }
  expect(await pods.result(id)).toBe("passed");
  const log = await scene.hub.log(id);
  const lines = Array.from({ length: 1_500_000 }, (_, at) => `${at + 100_000}\n`).join("");
  expect(Bun.hash(outputOf(log, flood))).toBe(Bun.hash(lines));
  expect(outputOf(log, "echo behind")).toBe("behind\n");
  await namespace.emptied();
}, 300_000);

test("a stop goes on in another process: no epilogue runs, and the log has the end of the command", async () => {
  await using pods = await createPodScene();
  const { scene, namespace } = pods;
  await pods.start();
  const command = `sh -c 'trap "echo caught; sleep 4; echo over; exit" TERM; echo begun; while :; do sleep 0.1; done'`;
  const id = await scene.hub.submit({
    commands: [command, "echo never"],
    epilogue_always_commands: ["echo never"],
  });
  await pods.shows(id, "begun");
  await scene.hub.stopJob(id);
  await pods.shows(id, "caught");
  await killProcess(id);
  expect(await pods.result(id)).toBe("stopped");
  const log = await scene.hub.log(id);
  // The shell tells of the programs that the stop has ended.
  expect(outputOf(log, command).replaceAll("Terminated\n", "")).toBe("begun\ncaught\nover\n");
  expect(outline(log).some((block) => block.includes("never"))).toBe(false);
  await namespace.emptied();
}, 180_000);

/** A toolbox that takes some seconds to be sourced. */
const slowToolbox = `
initContainers:
  - name: toolbox
    image: ${images.debian}
    command: ["sh", "-c", "echo 'sleep 4; from_toolbox() { echo tool; }' >/toolbox/toolbox"]
    volumeMounts: [{ name: toolbox, mountPath: /toolbox }]
volumes: [{ name: toolbox, emptyDir: {} }]
`;

test("a job whose process is killed while its session starts begins anew in another pod, with its toolbox", async () => {
  await using pods = await createPodScene();
  const { scene, namespace } = pods;
  const mainContainer = "volumeMounts: [{ name: toolbox, mountPath: /opt/toolbox, readOnly: true }]";
  await namespace.apply(podSpec("spec", { pod: slowToolbox, mainContainer }));
  await pods.start(["--toolbox-path", "/opt/toolbox", "--kubernetes-pod-spec", "spec"]);
  const id = await scene.hub.submit({ commands: ["from_toolbox"] });
  await pods.shows(id, "Working directory:");
  await killProcess(id);
  expect(await pods.result(id)).toBe("passed");
  expect(outline(await scene.hub.log(id)).filter((block) => block.includes("from_toolbox"))).toEqual([
    "[from_toolbox] 0: tool\n",
  ]);
  await namespace.emptied();
}, 180_000);

test("a job in an image without script fails with that reason, and its pod is deleted", async () => {
  await using pods = await createPodScene();
  const { scene, namespace } = pods;
  await pods.start([`--kubernetes-default-image=${images.noScript}`]);
  const id = await scene.hub.submit({ commands: ["echo begun; sleep 600"] });
  await pods.shows(id, "begun");
  for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
  expect(await pods.result(id)).toBe("failed");
  expect(outline(await scene.hub.log(id)).join("\n")).toContain(
    `[signalman: the job's process died; it was ended by SIGKILL; it cannot be continued: the job's image has no "script"; `,
  );
  await namespace.emptied();
}, 180_000);

test("a job whose pod is gone when the next agent starts fails with that reason", async () => {
  await using pods = await createPodScene();
  const { scene, namespace } = pods;
  const agent = await pods.start();
  const id = await scene.hub.submit({ commands: ["echo begun; sleep 600"] });
  await pods.shows(id, "begun");
  agent.kill("SIGKILL");
  await agent.finished;
  for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
  await namespace.kubectl(["delete", "pods", "--all", "--grace-period=0", "--force"]);
  await pods.start();
  expect(await pods.result(id)).toBe("failed");
  expect(outline(await scene.hub.log(id)).join("\n")).toContain(
    `the job's pod "semaphore-job-${id}" is gone`,
  );
  await namespace.emptied();
}, 180_000);
