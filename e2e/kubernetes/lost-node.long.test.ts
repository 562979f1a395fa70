import { afterEach, describe, expect, test } from "bun:test";
import { daemonPid, stopDaemon } from "../support/cluster/daemon.ts";
import { startKubelet } from "../support/cluster/node.ts";
import { findProcesses, outputOf, uniqueSeconds } from "../support/jobs.ts";
import { createPodScene } from "./agents.ts";
import { patiently, podSpec } from "./namespaces.ts";
import { addSecondNode } from "./second-node.ts";

/** The cluster waits forty seconds for a node, and then as long as a pod tolerates. */
const lostNodeMs = 300_000;

afterEach(startKubelet, 180_000);

describe("a node that no longer answers", () => {
  test("ends the job with the reason once the cluster has given it up", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    await using _node = await addSecondNode(namespace);
    const tolerations = ["unreachable", "not-ready"].map((taint) => ({
      key: `node.kubernetes.io/${taint}`,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: 1,
    }));
    await namespace.apply(podSpec("impatient", { pod: JSON.stringify({ tolerations }) }));
    await pods.start(["--kubernetes-pod-spec", "impatient"]);
    const command = `echo begun; sleep ${uniqueSeconds()}`;
    const id = await scene.hub.submit({ commands: [command] });
    await pods.shows(id, "begun");
    await stopDaemon("kubelet", "SIGKILL");
    await patiently("the job is done", async () => (await scene.hub.job(id)).isDone, lostNodeMs);
    expect((await scene.hub.job(id)).result).toBe("failed");
    expect(outputOf(await scene.hub.log(id), command)).toStartWith(
      "begun\n[signalman: the pod's node was lost: ",
    );
    await namespace.emptied();
    await startKubelet();
    await patiently("the node has ended the processes", async () => findProcesses(command).length === 0);
  }, 600_000);

  test("ends the job after the agent's own time-out", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    await pods.start(["--kubernetes-lost-timeout", "10"]);
    const command = `echo begun; sleep ${uniqueSeconds()}`;
    const id = await scene.hub.submit({ commands: [command] });
    await pods.shows(id, "begun");
    await stopDaemon("kubelet", "SIGKILL");
    expect(await pods.result(id)).toBe("failed");
    expect(outputOf(await scene.hub.log(id), command)).toStartWith(
      "begun\n[signalman: the pod could not be reached for 10 s: ",
    );
    await namespace.emptied();
    await startKubelet();
    await patiently("the node has ended the processes", async () => findProcesses(command).length === 0);
  }, 600_000);

  test("for a minute, with connections that hang, delays a job's output and nothing else", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    await pods.start();
    const command = "for i in $(seq 200); do echo line $i; sleep 0.1; done";
    const id = await scene.hub.submit({ commands: [command, "echo after"] });
    await pods.shows(id, "line 10");
    const pid = daemonPid("kubelet")!;
    process.kill(pid, "SIGSTOP");
    await Bun.sleep(60_000);
    process.kill(pid, "SIGCONT");
    expect(await pods.result(id)).toBe("passed");
    const events = await scene.hub.log(id);
    const lines = Array.from({ length: 200 }, (_, at) => `line ${at + 1}\n`).join("");
    expect([outputOf(events, command), outputOf(events, "echo after")]).toEqual([lines, "after\n"]);
    await namespace.emptied();
  }, 600_000);
});
