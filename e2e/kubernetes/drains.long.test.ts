import { expect, test } from "bun:test";
import { firstNode } from "../support/cluster/layout.ts";
import { outputOf } from "../support/jobs.ts";
import { createPodScene, type PodScene } from "./agents.ts";
import { patiently } from "./namespaces.ts";
import { createAccount, publishedRole } from "./roles.ts";

const command = "echo begun; until [ -e /go ]; do sleep 0.1; done; echo ended";

/** Starts an agent, with an owner of its jobs' pods or without, and a job that waits for the file /go. */
async function startJob(pods: PodScene, owner: "owned" | "alone" = "owned") {
  const { namespace, scene } = pods;
  await namespace.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "owner" } });
  await pods.start(owner === "owned" ? ["--kubernetes-owner", "owner"] : []);
  const id = await scene.hub.submit({ commands: [command] });
  await pods.shows(id, "begun");
  const ask = (kind: string, path: string) => namespace.kubectl(["get", kind, `--output=jsonpath=${path}`]);
  await patiently(
    "the budget counts the pod",
    async () => (await ask("poddisruptionbudgets", "{.items[*].status.currentHealthy}")) === "1",
  );
  return { id, pod: `semaphore-job-${id}`, ask };
}

/** Drains the node of this job's pod only, and lets other pods be scheduled at once. */
async function drain({ namespace }: PodScene, pod: string, args: readonly string[]): Promise<string> {
  const selector = `--pod-selector=signalman/pod=${pod}`;
  const draining = namespace.kubectl(["drain", firstNode.name, selector, "--timeout=60s", ...args]).then(
    () => "drained",
    (error: unknown) => String(error),
  );
  try {
    await patiently("the node is cordoned, or the drain has ended", async () => {
      const node = namespace.kubectl([
        "get",
        "node",
        firstNode.name,
        "--output=jsonpath={.spec.unschedulable}",
      ]);
      return (await node) === "true" || (await Promise.race([draining, Bun.sleep(1)])) !== undefined;
    });
  } finally {
    await namespace.kubectl(["uncordon", firstNode.name]);
  }
  return draining;
}

test.each([
  [
    "without further arguments is refused, as the session is in an emptyDir",
    "owned",
    [],
    "--delete-emptydir-data",
  ],
  ["of a job without an owner is refused", "alone", ["--delete-emptydir-data"], "declare no controller"],
] as const)(
  "a drain %s, and the job goes on",
  async (_, owner, args, reason) => {
    await using pods = await createPodScene();
    const { id, pod } = await startJob(pods, owner);
    expect(await drain(pods, pod, args)).toContain(reason);
    await pods.namespace.kubectl(["exec", pod, "--", "touch", "/go"]);
    expect(await pods.result(id)).toBe("passed");
    await pods.namespace.emptied();
  },
  240_000,
);

test.each([
  ["owned", ["--delete-emptydir-data"]],
  ["owned", ["--delete-emptydir-data", "--force"]],
  ["alone", ["--delete-emptydir-data", "--force"]],
] as const)(
  "a drain of a job's pod (%s) with %p waits for the job, whose budget goes with it",
  async (owner, args) => {
    await using pods = await createPodScene();
    const { id, pod, ask } = await startJob(pods, owner);
    expect(await ask("pods", "{.items[0].metadata.annotations}")).toContain(
      '"karpenter.sh/do-not-disrupt":"true"',
    );
    const draining = drain(pods, pod, args);
    // kubectl asks every five seconds.
    expect(await Promise.race([draining, Bun.sleep(12_000)])).toBeUndefined();
    await pods.namespace.kubectl(["exec", pod, "--", "touch", "/go"]);
    expect(await pods.result(id)).toBe("passed");
    expect(outputOf(await pods.scene.hub.log(id), command)).toBe("begun\nended\n");
    expect(await draining).toBe("drained");
    await pods.namespace.emptied();
    await patiently(
      "the budget is gone",
      async () => (await ask("poddisruptionbudgets", "{.items}")) === "[]",
    );
  },
  240_000,
);

test("without the right to create budgets, which the agent's log names once, a drain ends the job with the reason", async () => {
  await using pods = await createPodScene();
  const { namespace, scene } = pods;
  const account = await createAccount(namespace, await publishedRole("signalman-agent"));
  await pods.start([], { KUBECONFIG: await scene.tester.write("kubeconfig", account.kubeconfig) });
  const id = await scene.hub.submit({ commands: [command] });
  await pods.shows(id, "begun");
  const args = ["--delete-emptydir-data", "--force", "--grace-period=1"];
  expect(await drain(pods, `semaphore-job-${id}`, args)).toBe("drained");
  expect(await pods.result(id)).toBe("failed");
  expect(outputOf(await scene.hub.log(id), command)).toMatch(
    /^begun\n\[signalman: the pod was (evicted|deleted)/,
  );
  const lines = (await scene.agentLog()).split("\n").filter((line) => line.includes("poddisruptionbudgets"));
  expect(lines).toHaveLength(1);
  await namespace.emptied();
}, 240_000);

test("a drain that disables evictions ends the job, whose log has the reason", async () => {
  await using pods = await createPodScene();
  const { id, pod } = await startJob(pods);
  expect(await drain(pods, pod, ["--delete-emptydir-data", "--disable-eviction", "--grace-period=1"])).toBe(
    "drained",
  );
  expect(await pods.result(id)).toBe("failed");
  expect(outputOf(await pods.scene.hub.log(id), command)).toEqual(
    expect.stringMatching(/^begun\n\[signalman: the pod was deleted by another program, or with its owner/),
  );
  await pods.namespace.emptied();
}, 240_000);

test("jobs' objects go with their owner, and a job without it fails with the reason", async () => {
  await using pods = await createPodScene();
  const { namespace, scene } = pods;
  const { id } = await startJob(pods);
  await namespace.kubectl(["delete", "configmap", "owner"]);
  expect(await pods.result(id)).toBe("failed");
  await namespace.emptied();
  const next = await scene.hub.submit({ commands: ["true"] });
  expect(await pods.result(next)).toBe("failed");
  expect(outputOf(await scene.hub.log(next), "Creating Kubernetes resources for job...")).toMatch(
    /^Failed to find the owner of the job's objects: ConfigMap "owner": .*not found; create it in the namespace/,
  );
  await namespace.emptied();
}, 240_000);
