import { describe, expect, test } from "bun:test";
import { startKubelet } from "../support/cluster/node.ts";
import { daemonPid, stopDaemon } from "../support/cluster/daemon.ts";
import { firstNode } from "../support/cluster/layout.ts";
import { outputOf } from "../support/jobs.ts";
import { createPodScene } from "./agents.ts";
import { patiently } from "./namespaces.ts";

const counting = "for i in $(seq 150); do echo line $i; sleep 0.1; done";
const counted = Array.from({ length: 150 }, (_, at) => `line ${at + 1}\n`).join("");

describe("a job goes on exactly where it was", () => {
  test.each([
    [
      "when the kubelet is restarted",
      async () => {
        await stopDaemon("kubelet", "SIGKILL");
        await startKubelet();
      },
    ],
    [
      "when etcd stands still for ten seconds",
      async () => {
        const pid = daemonPid("etcd")!;
        process.kill(pid, "SIGSTOP");
        await Bun.sleep(10_000);
        process.kill(pid, "SIGCONT");
      },
    ],
  ])(
    "%s",
    async (_, disturb) => {
      await using pods = await createPodScene();
      const { namespace, scene } = pods;
      await pods.start();
      const id = await scene.hub.submit({ commands: [counting] });
      await pods.shows(id, "line 10");
      await disturb();
      expect(await pods.result(id)).toBe("passed");
      expect(outputOf(await scene.hub.log(id), counting)).toBe(counted);
      await namespace.emptied();
    },
    240_000,
  );

  test("when its node is cordoned", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    await pods.start();
    const id = await scene.hub.submit({ commands: [counting] });
    await pods.shows(id, "line 10");
    await namespace.kubectl(["cordon", firstNode.name]);
    try {
      expect(await pods.result(id)).toBe("passed");
    } finally {
      await namespace.kubectl(["uncordon", firstNode.name]);
    }
    expect(outputOf(await scene.hub.log(id), counting)).toBe(counted);
  }, 240_000);
});

test("an evicted job ends with the reason in its log", async () => {
  await using pods = await createPodScene();
  const { namespace, scene } = pods;
  await pods.start();
  const id = await scene.hub.submit({ commands: ["echo begun; sleep 600"] });
  await pods.shows(id, "begun");
  // The budget of the job's pod refuses its eviction.
  const budgets = ["poddisruptionbudgets", "--output=name"];
  await patiently("the pod has a budget", async () => (await namespace.kubectl(["get", ...budgets])) !== "");
  await namespace.kubectl(["delete", "--all", ...budgets]);
  const metadata = { name: `semaphore-job-${id}`, namespace: namespace.name };
  const eviction = {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata,
    deleteOptions: { gracePeriodSeconds: 1 },
  };
  const path = `/api/v1/namespaces/${namespace.name}/pods/${metadata.name}/eviction`;
  await namespace.kubectl(["create", "--raw", path, "--filename=-"], JSON.stringify(eviction));
  expect(await pods.result(id)).toBe("failed");
  expect(outputOf(await scene.hub.log(id), "echo begun; sleep 600")).toContain(
    "[signalman: the pod was evicted",
  );
  await namespace.emptied();
}, 240_000);
