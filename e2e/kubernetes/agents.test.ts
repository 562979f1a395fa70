import { describe, expect, test } from "bun:test";
import { startApiServer, waitForApiServer } from "../support/cluster/control-plane.ts";
import { stopDaemon } from "../support/cluster/daemon.ts";
import { images } from "../support/cluster/images.ts";
import { outline, outputOf } from "../support/jobs.ts";
import { createPodScene, type PodScene } from "./agents.ts";
import { podSpec } from "./namespaces.ts";

const counting = "for i in $(seq 60); do echo line $i; sleep 0.1; done";
const counted = Array.from({ length: 60 }, (_, at) => `line ${at + 1}\n`).join("");
/** Makes the kernel kill this process for memory, and not the job's shell. */
const becomeFirstVictim = "echo 1000 >/proc/self/oom_score_adj";

/** The name of the only pod that is there. */
async function onlyPod({ namespace }: PodScene): Promise<string> {
  const pods = (await namespace.left()).filter((name) => name.startsWith("pod/"));
  expect(pods).toHaveLength(1);
  return pods[0] ?? "";
}

/** Starts an agent whose jobs have these limits. */
async function startSmall(pods: PodScene, limits = "memory: 64Mi"): Promise<void> {
  await pods.namespace.apply(podSpec("small", { mainContainer: `resources: { limits: { ${limits} } }` }));
  await pods.start(["--kubernetes-pod-spec", "small"]);
}

describe("a stop", () => {
  const inImage = (image: string) => ({
    commands: ["echo begun; touch /never"],
    executor: "dockercompose",
    compose: { containers: [{ name: "main", image }] },
  });

  test.each([
    ["while the pod cannot be scheduled", { ...inImage(images.debian) }, "unscheduled"],
    ["while a sidecar is not ready", { ...inImage(images.debian), commands: ["true"] }, "is not ready yet"],
  ])(
    "%s ends the wait: the job is stopped, and nothing is left",
    async (what, job, line) => {
      await using pods = await createPodScene();
      const { namespace, scene } = pods;
      const decorator = what.includes("scheduled")
        ? { pod: "nodeSelector: { disk: none }" }
        : { mainContainer: "readinessProbe: { exec: { command: ['false'] } }" };
      await namespace.apply(podSpec("slow", decorator));
      await pods.start(["--kubernetes-pod-spec", "slow"]);
      const id = await scene.hub.submit(job);
      await pods.shows(id, line);
      await scene.hub.stopJob(id);
      expect(await pods.result(id)).toBe("stopped");
      await namespace.emptied();
      expect(outline(await scene.hub.log(id)).at(-1)).toBe("end stopped");
    },
    180_000,
  );

  test("while an image is pulled ends the wait", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    // A registry that never answers.
    using registry = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => new Promise<Response>(() => {}),
    });
    const image = `127.0.0.1:${registry.port}/slow:1`;
    await pods.start();
    const id = await scene.hub.submit(inImage(image));
    await pods.shows(id, `Pulling image "${image}"`);
    await scene.hub.stopJob(id);
    expect(await pods.result(id)).toBe("stopped");
    await namespace.emptied();
    await registry.stop(true);
  }, 180_000);

  test("in a flood ends the command, and no epilogue runs", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    await pods.start();
    const id = await scene.hub.submit({ commands: ["yes"], epilogue_always_commands: ["echo never"] });
    await pods.shows(id, "y\ny\n");
    await scene.hub.stopJob(id);
    expect(await pods.result(id)).toBe("stopped");
    await namespace.emptied();
    expect(
      outline(await scene.keptLog(id))
        .map((each) => each.slice(0, 12))
        .slice(-2),
    ).toEqual(["[yes] 1: y\ny", "end stopped"]);
  }, 180_000);
});

describe("a job goes on exactly where it was", () => {
  test("when the API server is killed and comes back", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    await pods.start();
    const id = await scene.hub.submit({ commands: [counting, "echo after"] });
    await pods.shows(id, "line 10");
    await stopDaemon("kube-apiserver", "SIGKILL");
    await Bun.sleep(2000);
    startApiServer();
    await waitForApiServer();
    expect(await pods.result(id)).toBe("passed");
    const events = await scene.hub.log(id);
    expect([outputOf(events, counting), outputOf(events, "echo after")]).toEqual([counted, "after\n"]);
    await namespace.emptied();
    expect(await scene.agentLog()).toContain("reconnecting");
  }, 180_000);

  test("when its agent is killed and started again", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    const agent = await pods.start();
    const id = await scene.hub.submit({ commands: [counting] });
    await pods.shows(id, "line 10");
    agent.kill("SIGKILL");
    await agent.finished;
    await pods.start();
    expect(await pods.result(id)).toBe("passed");
    expect(outputOf(await scene.hub.log(id), counting)).toBe(counted);
    await namespace.emptied();
  }, 180_000);
});

describe("a job ends with the reason in its log", () => {
  test.each([
    [
      "its pod is deleted",
      ["delete", "--wait=false", "--grace-period=0", "--force"],
      "the pod was deleted by another program",
    ],
    [
      "its pod is deleted softly",
      ["delete", "--wait=false", "--grace-period=1"],
      "the pod was deleted by another program",
    ],
  ])(
    "%s",
    async (_, command, reason) => {
      await using pods = await createPodScene();
      const { namespace, scene } = pods;
      await pods.start();
      const id = await scene.hub.submit({ commands: ["echo begun; sleep 600"] });
      await pods.shows(id, "begun");
      await namespace.kubectl([...command, await onlyPod(pods)]);
      expect(await pods.result(id)).toBe("failed");
      expect(outputOf(await scene.hub.log(id), "echo begun; sleep 600")).toBe(
        `begun\n[signalman: ${reason}]\n`,
      );
      await namespace.emptied();
    },
    180_000,
  );

  test("a command was killed for memory", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    await startSmall(pods);
    const command = `bash -c '${becomeFirstVictim}; x=$(head -c 200000000 /dev/zero | tr "\\0" x); echo never'`;
    const id = await scene.hub.submit({ commands: [command] });
    expect(await pods.result(id)).toBe("failed");
    expect(outputOf(await scene.hub.log(id), command)).toBe(
      "Killed\n[signalman: a process of this command was killed: out of memory]\n",
    );
    await namespace.emptied();
  }, 180_000);

  test("a command that was killed by a signal is not reported as out of memory because of an earlier command", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    await startSmall(pods);
    const earlier = `bash -c '${becomeFirstVictim}; x=$(head -c 200000000 /dev/zero | tr "\\0" x)' || echo $?`;
    const killed = "bash -c 'kill -KILL $$'";
    // One that is too long for a step is uploaded.
    const uploaded = `: ${"x".repeat(20_000)}; ${killed}`;
    const id = await scene.hub.submit({
      commands: [earlier, killed],
      epilogue_always_commands: [`${earlier}; : again`, uploaded],
    });
    expect(await pods.result(id)).toBe("failed");
    const log = await scene.hub.log(id);
    expect(outputOf(log, earlier)).toBe("Killed\n137\n");
    expect([outputOf(log, killed), outputOf(log, uploaded)]).toEqual(["Killed\n", "Killed\n"]);
    await namespace.emptied();
  }, 180_000);

  test("its whole container was killed for memory", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    // With both limits the kubelet does not mark the container as the first one to kill.
    await startSmall(pods, "memory: 64Mi, cpu: 1");
    // The kernel is to choose the container's first process.
    const command =
      'echo 1000 >/proc/1/oom_score_adj; x=$(head -c 200000000 /dev/zero | tr "\\0" x); echo never';
    const id = await scene.hub.submit({ commands: [command] });
    expect(await pods.result(id)).toBe("failed");
    expect(outputOf(await scene.hub.log(id), command)).toBe(
      "[signalman: the job's container was killed: out of memory]\n",
    );
    await namespace.emptied();
  }, 180_000);

  test("its deadline has passed", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    const pod = "activeDeadlineSeconds: 5\nterminationGracePeriodSeconds: 1";
    await namespace.apply(podSpec("short", { pod }));
    await pods.start(["--kubernetes-pod-spec", "short"]);
    const id = await scene.hub.submit({ commands: ["sleep 600"] });
    expect(await pods.result(id)).toBe("failed");
    expect(outputOf(await scene.hub.log(id), "sleep 600")).toContain(
      "[signalman: the pod's deadline has passed",
    );
    await namespace.emptied();
  }, 180_000);
});

test("two slots run two jobs at once, and ten jobs in a row leave nothing", async () => {
  await using pods = await createPodScene();
  const { namespace, scene } = pods;
  await pods.start(["--slots", "2"]);
  const ids: string[] = [];
  for (let at = 0; at < 10; at += 1) ids.push(await scene.hub.submit({ commands: [`echo job ${at}`] }));
  for (const [at, id] of ids.entries()) {
    expect(await pods.result(id)).toBe("passed");
    expect(outputOf(await scene.hub.log(id), `echo job ${at}`)).toBe(`job ${at}\n`);
  }
  await namespace.emptied();
  expect(await scene.hub.violations()).toEqual([]);
}, 240_000);
