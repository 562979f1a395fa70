import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { startCluster } from "../support/cluster/cluster.ts";
import { daemonPid } from "../support/cluster/daemon.ts";
import { secondNode } from "../support/cluster/layout.ts";
import { type SecondNode, startSecondNode } from "../support/cluster/second-node.ts";
import { findProcesses, outputOf, uniqueSeconds } from "../support/jobs.ts";
import { createPodScene, type PodScene } from "./agents.ts";
import { patiently, podSpec } from "./namespaces.ts";
import { watchSilence } from "./silence.ts";

let node: SecondNode;

beforeAll(async () => {
  await startCluster();
  node = await startSecondNode();
}, 1_800_000);

afterEach(async () => {
  await node.plug();
  await node.boot();
}, 180_000);

afterAll(() => node[Symbol.asyncDispose](), 180_000);

/** Starts an agent whose jobs run on the second node. */
async function startAgent(pods: PodScene, args: readonly string[] = [], tolerations: readonly object[] = []) {
  const pod = {
    nodeSelector: { "kubernetes.io/hostname": secondNode.name },
    tolerations: [{ key: secondNode.taint, operator: "Exists" }, ...tolerations],
  };
  await pods.namespace.apply(podSpec("second", { pod: JSON.stringify(pod) }));
  await pods.start(["--kubernetes-pod-spec", "second", ...args]);
}

/** Resolves when the job's result is known. The cluster waits forty seconds for a node. */
async function result({ scene }: PodScene, id: string): Promise<string> {
  await patiently(`job ${id} is done`, async () => (await scene.hub.job(id)).isDone, 300_000);
  return (await scene.hub.job(id)).result ?? "";
}

describe("a node", () => {
  test("that loses its network ends the job with the reason when the cluster gives the node up, and its processes when it is back", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    const tolerations = ["unreachable", "not-ready"].map((taint) => ({
      key: `node.kubernetes.io/${taint}`,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: 1,
    }));
    await startAgent(pods, [], tolerations);
    const seconds = uniqueSeconds();
    const command = `echo begun; sleep ${seconds}`;
    const id = await scene.hub.submit({ commands: [command] });
    await pods.shows(id, "begun");
    await node.unplug();
    expect(await result(pods, id)).toBe("failed");
    expect(outputOf(await scene.hub.log(id), command)).toStartWith(
      "begun\n[signalman: the pod's node was lost: ",
    );
    await namespace.emptied();
    expect(findProcesses(seconds)).not.toEqual([]);
    await node.plug();
    await patiently("the node has ended the processes", async () => findProcesses(seconds).length === 0);
  }, 600_000);

  test("that loses its network ends the job after the agent's own time-out", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    await startAgent(pods, ["--kubernetes-lost-timeout", "10"]);
    const seconds = uniqueSeconds();
    const command = `echo begun; sleep ${seconds}`;
    const id = await scene.hub.submit({ commands: [command] });
    await pods.shows(id, "begun");
    await node.unplug();
    expect(await result(pods, id)).toBe("failed");
    expect(outputOf(await scene.hub.log(id), command)).toStartWith(
      "begun\n[signalman: the pod could not be reached for 10 s: ",
    );
    await namespace.emptied();
    await node.plug();
    await patiently("the node has ended the processes", async () => findProcesses(seconds).length === 0);
  }, 600_000);

  test.each([
    [
      "that loses its network",
      async () => {
        await node.unplug();
        return node.plug;
      },
    ],
    [
      "whose kubelet is suspended",
      async () => {
        const pid = daemonPid(secondNode.kubelet)!;
        process.kill(pid, "SIGSTOP");
        return async () => void process.kill(pid, "SIGCONT");
      },
    ],
  ])(
    "%s until the cluster has it as lost, and that comes back, delays its jobs' output and nothing else",
    async (what, disturb) => {
      await using pods = await createPodScene();
      const { namespace, scene } = pods;
      await startAgent(pods, ["--slots", String(jobs.length)]);
      const ids = await Promise.all(jobs.map(({ commands }) => scene.hub.submit({ commands })));
      for (const [at, { shown }] of jobs.entries()) await pods.shows(ids[at]!, shown);
      const [counting] = jobs;
      const silence = watchSilence(
        async () => outputOf(await scene.hub.log(ids[0]!), counting.commands[0]).length,
      );
      const end = await disturb();
      const ready = `--output=jsonpath={.status.conditions[?(@.type=="Ready")].status}`;
      await patiently(
        "the cluster has the node as lost",
        async () => (await namespace.kubectl(["get", "node", secondNode.name, ready])) === "Unknown",
      );
      for (const id of ids) expect((await scene.hub.job(id)).isDone).toBe(false);
      silence.restart();
      await end();
      for (const [at, { commands, outputs }] of jobs.entries()) {
        expect(await result(pods, ids[at]!)).toBe("passed");
        const events = await scene.hub.log(ids[at]!);
        expect(commands.map((command) => outputOf(events, command))).toEqual([...outputs]);
      }
      await silence.report(`a node ${what}, and is back`);
      expect(await scene.hub.violations()).toEqual([]);
      await namespace.emptied();
    },
    600_000,
  );

  test("whose power fails, and that comes back, ends its jobs with the reason", async () => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    await startAgent(pods, ["--slots", "2"]);
    const seconds = uniqueSeconds();
    const command = `echo begun; sleep ${seconds}`;
    const submit = () => scene.hub.submit({ commands: [command], epilogue_always_commands: ["echo never"] });
    const ids = [await submit(), await submit()];
    for (const id of ids) await pods.shows(id, "begun");
    await node.crash();
    expect(findProcesses(seconds)).toEqual([]);
    await node.boot();
    for (const id of ids) {
      expect(await result(pods, id)).toBe("failed");
      const events = await scene.hub.log(id);
      expect(outputOf(events, command)).toBe(
        "begun\n[signalman: the job's container ended with its node, which failed or was restarted]\n",
      );
    }
    expect(findProcesses(seconds)).toEqual([]);
    await namespace.emptied();
  }, 600_000);
});

const lines = (count: number) => Array.from({ length: count }, (_, at) => `line ${at + 1}\n`).join("");

/** Jobs that count, that write much, and whose command ends while the node is lost. */
const jobs = [
  {
    commands: ["for i in $(seq 900); do echo line $i; sleep 0.1; done", "echo after"],
    shown: "line 10",
    outputs: [lines(900), "after\n"],
  },
  {
    commands: [
      "for i in $(seq 0 89); do seq -f 'line %g' $((i * 3000 + 1)) $((i * 3000 + 3000)); sleep 1; done",
    ],
    shown: "line 3000",
    outputs: [lines(270_000)],
  },
  {
    commands: [
      "echo run >>/tmp/runs; echo begun; sleep 30; echo ended",
      "echo run >>/tmp/runs",
      "cat /tmp/runs",
    ],
    shown: "begun",
    outputs: ["begun\nended\n", "", "run\nrun\n"],
  },
] as const;
