import { expect, test } from "bun:test";
import path from "node:path";
import { createRandom } from "../support/crash-job.ts";
import { rulesOfKilled } from "../support/crash-rounds.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { importImage } from "../support/cluster/images.ts";
import { daemonPid } from "../support/cluster/daemon.ts";
import { cable, firstNode, ports, secondNode } from "../support/cluster/layout.ts";
import { type SecondNode, startSecondNode } from "../support/cluster/second-node.ts";
import { mountTwice } from "../support/cluster/two-mounts.ts";
import { outline } from "../support/jobs.ts";
import { buildAgentImage } from "./agent-image.ts";
import { toMixedJob } from "./mixed-jobs.ts";
import { patiently } from "./namespaces.ts";
import { createRelease, type Release } from "./releases.ts";
import { watchSilence } from "./silence.ts";

/** Fewer jobs have as many disturbances less. */
const count = Number(process.env["PODS_JOBS"] ?? 100);
const slots = 8;

test("a hundred jobs in pods pass, and their logs are exact to the byte, while their agent is rolled, force-deleted, drained and loses its node", async () => {
  const seed = Number(process.env["PODS_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  await startCluster();
  const archive = await buildAgentImage();
  await using cleanup = new AsyncDisposableStack();
  const node = cleanup.use(await startSecondNode());
  await importImage(archive, secondNode);
  const release = cleanup.use(await createRelease("statefulset", "every node"));
  const { hub } = release.scene;
  // One file system, whose locks do not reach from one node to the other.
  const volume = path.join(release.volumes, "state-agent-0");
  cleanup.use(await mountTwice(volume, [firstNode.name, secondNode.name]));
  await release.apply(values);

  const jobs = Array.from({ length: count }, (_, at) => toMixedJob(at));
  const ids: string[] = [];
  for (const { request } of jobs) ids.push(await hub.submit(request));
  const steps = chooseSteps(seed);
  console.log(`PODS_SEED=${seed} PODS_JOBS=${count}: ${steps.join(" ")}`);
  for (const [at, step] of steps.entries()) {
    const share = Math.floor((at * count) / (steps.length + 1));
    await patiently(
      `${share} jobs are done, before step ${at}, "${step}"`,
      async () => (await progress(release)).done >= share,
      600_000,
    );
    await expectGrowth(release, `before step ${at}, "${step}"`);
    await disturbances[step](release, node);
    const { done, bytes } = await progress(release);
    console.log(`${step} (${at + 1} of ${steps.length}): ${done} jobs done, ${bytes} bytes of logs`);
  }

  await patiently("all jobs are done", async () => (await progress(release)).done === count, 900_000);
  for (const [at, job] of jobs.entries()) job.expectWhole(await hub.log(ids[at]!));
  expect((await hub.violations()).filter(({ rule }) => !rulesOfKilled.includes(rule))).toEqual([]);
  await patiently("all slots are registered", async () => (await hub.agents()).length === slots);
  await release.helm(["uninstall", "agent", "--wait"]);
  const kinds = "pods,secrets,configmaps,leases,poddisruptionbudgets";
  const left = () => release.namespace.kubectl(["get", kinds, "--output=name"]);
  await patiently("nothing is left", async () => (await left()) === "configmap/kube-root-ca.crt\n");
}, 2_400_000);

/** Agents prefer the second node, and jobs run on the first one. */
const values = {
  tolerations: [{ key: secondNode.taint, operator: "Exists" }],
  affinity: {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          preference: {
            matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [secondNode.name] }],
          },
        },
      ],
    },
  },
  env: [
    { name: "KUBERNETES_SERVICE_HOST", value: cable.host },
    { name: "KUBERNETES_SERVICE_PORT", value: String(ports.apiServer) },
    { name: "SEMAPHORE_AGENT_NO_HTTPS", value: "true" },
    { name: "SEMAPHORE_AGENT_SLOTS", value: String(slots) },
    { name: "SEMAPHORE_AGENT_STATE_DIR", value: "/state" },
    { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
  ],
  extraVolumeMounts: [{ name: "state", mountPath: "/state", subPathExpr: "$(NODE_NAME)" }],
};

const stepsOfHundred = { roll: 10, delete: 10, drain: 2, lose: 1, suspend: 1 } as const;
type Step = keyof typeof stepsOfHundred;

/** In an order that the seed decides. The node is lost once, however few jobs there are. */
function chooseSteps(seed: number): readonly Step[] {
  const random = createRandom(seed);
  const names = Object.keys(stepsOfHundred) as readonly Step[];
  return names
    .flatMap((name) => Array<Step>(Math.ceil((stepsOfHundred[name] * count) / 100)).fill(name))
    .map((name) => ({ name, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ name }) => name);
}

const disturbances: Readonly<Record<Step, (release: Release, node: SecondNode) => Promise<void>>> = {
  roll: (release) =>
    replace(release, () => release.namespace.kubectl(["rollout", "restart", "statefulset/agent"])),
  delete: (release) => replace(release, () => forceDelete(release)),
  async drain(release) {
    const { kubectl } = release.namespace;
    const place = await nodeOf(release);
    const selector = "--pod-selector=app.kubernetes.io/name=signalman-agent";
    try {
      await replace(release, () =>
        kubectl(["drain", place, selector, "--delete-emptydir-data", "--timeout=60s"]),
      );
    } finally {
      await kubectl(["uncordon", place]);
    }
  },
  // The agent is cut off.
  lose: (release, node) => lose(release, "loses its network", { start: node.unplug, end: node.plug }),
  // The agent still reaches the API server, which does not accept the token of a deleted pod.
  async suspend(release) {
    const kubelet = daemonPid(secondNode.kubelet)!;
    await lose(release, "has a kubelet that is suspended", {
      start: async () => void process.kill(kubelet, "SIGSTOP"),
      end: async () => void process.kill(kubelet, "SIGCONT"),
    });
  },
};

/** Loses the node of the agent, whose pod is force-deleted then, until another agent has continued the jobs. */
async function lose(
  release: Release,
  what: string,
  loss: { readonly start: () => Promise<void>; readonly end: () => Promise<void> },
): Promise<void> {
  const { kubectl } = release.namespace;
  while ((await nodeOf(release)) !== secondNode.name) await replace(release, () => forceDelete(release));
  await untilReady(release);
  await expectGrowth(release, "before the loss");
  const silence = watchSilence(async () => (await progress(release)).bytes);
  await loss.start();
  const ready = `--output=jsonpath={.status.conditions[?(@.type=="Ready")].status}`;
  const isReady = () => kubectl(["get", "node", secondNode.name, ready]);
  await patiently("the cluster has the node as lost", async () => (await isReady()) === "Unknown");
  await replace(release, () => forceDelete(release));
  expect(await nodeOf(release)).toBe(firstNode.name);
  await untilReady(release);
  await expectGrowth(release, "after the loss");
  await silence.report(`the agent's node ${what}`);
  await loss.end();
  await patiently("the node is back", async () => (await isReady()) === "True");
}

/** Disturbs the agent, and waits until another pod of it runs. */
async function replace({ agents }: Release, disturb: () => Promise<unknown>): Promise<void> {
  const before = await agents();
  await disturb();
  await patiently("another pod of the agent is there", async () => {
    const now = await agents();
    return now !== "" && now !== before;
  });
}

function forceDelete({ namespace }: Release): Promise<string> {
  return namespace.kubectl(["delete", "pod", "agent-0", "--force", "--grace-period=0"]);
}

/** Waits until the agent has the lease and is registered. */
async function untilReady({ namespace }: Release): Promise<void> {
  const isReady = async () => (await namespace.kubectl(["get", "pod", "agent-0"])).includes("1/1");
  await patiently("the agent is ready", isReady, 240_000);
}

async function nodeOf({ namespace }: Release): Promise<string> {
  const ask = ["get", "pod", "agent-0", "--output=jsonpath={.spec.nodeName}"];
  let name = "";
  await patiently("the agent's pod has a node", async () => {
    name = await namespace.kubectl(ask).catch(() => "");
    return name !== "";
  });
  return name;
}

/** Counts what the hub has. Rejects with the log of a job that has not passed. */
async function progress({ scene }: Release): Promise<{ readonly done: number; readonly bytes: number }> {
  const jobs = await scene.hub.jobs();
  for (const { id, isDone, result, reason } of jobs) {
    // No reason: the agent has reported the result.
    if (!isDone || (result === "passed" && reason === undefined)) continue;
    const shown = outline(await scene.hub.log(id)).join("\n");
    throw new Error(`job ${id} is ${result}: ${reason ?? "reported"}\n${shown.slice(-4000)}`);
  }
  const bytes = jobs.reduce((sum, { log }) => sum + log.bytes, 0);
  return { done: jobs.filter(({ isDone }) => isDone).length, bytes };
}

/** Waits for the next output of a job at the hub, or for the end of the last job. */
async function expectGrowth(release: Release, when: string): Promise<void> {
  const before = (await progress(release)).bytes;
  const isGrown = async () => {
    const { bytes, done } = await progress(release);
    return bytes > before || done === count;
  };
  await patiently(`a job has further output ${when}`, isGrown, 240_000);
}
