import { beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseAllDocuments } from "yaml";
import { createScene } from "../support/agents.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { images } from "../support/cluster/images.ts";
import { root } from "../support/fixtures.ts";
import { registrationToken } from "../support/hub-process.ts";
import { outline, outputOf } from "../support/jobs.ts";
import { agentImage, buildAgentImage, hostAccess } from "./agent-image.ts";
import { createNamespace, type Namespace, patiently } from "./namespaces.ts";

interface Variable {
  readonly name: string;
  readonly value?: string;
}
interface PodTemplate {
  readonly spec: {
    readonly containers: readonly { readonly env: readonly Variable[]; readonly [field: string]: unknown }[];
  };
}
/** A Deployment, or KEDA's ScaledJob. */
interface Agents {
  readonly spec?: {
    readonly template?: PodTemplate;
    readonly jobTargetRef?: { readonly template: PodTemplate };
  };
}

beforeAll(async () => {
  await startCluster();
  await buildAgentImage();
}, 180_000);

/** Objects of a published file. */
async function published(file: string): Promise<readonly object[]> {
  const text = await readFile(path.join(root, "docs", "kubernetes", file), "utf8");
  return parseAllDocuments(text).map((document) => document.toJS() as object);
}

/** The published pod of an agent, at this hub on this host; `env` is added. */
async function agentPod(
  endpoint: string,
  env: readonly Variable[] = [],
  file = "agent.yaml",
): Promise<object> {
  const objects = (await published(file)) as readonly Agents[];
  const [template] = objects.flatMap((one) => one.spec?.template ?? one.spec?.jobTargetRef?.template ?? []);
  const { spec } = template!;
  const [agent] = spec.containers;
  const own: readonly Variable[] = [
    ...hostAccess.env,
    { name: "SEMAPHORE_AGENT_ENDPOINT", value: endpoint },
    { name: "SEMAPHORE_AGENT_KUBERNETES_DEFAULT_IMAGE", value: images.debian },
    ...env,
  ];
  const kept = agent!.env.filter(({ name }) => !own.some((variable) => variable.name === name));
  return {
    ...spec,
    hostNetwork: hostAccess.hostNetwork,
    restartPolicy: "Never",
    containers: [{ ...agent, image: agentImage, env: [...kept, ...own] }],
  };
}

async function prepare(namespace: Namespace): Promise<void> {
  await namespace.apply(...(await published("rbac.yaml")));
  await namespace.kubectl([
    "create",
    "secret",
    "generic",
    "signalman-agent",
    `--from-literal=token=${registrationToken}`,
  ]);
}

async function phaseOf(namespace: Namespace, pod: string): Promise<string> {
  return namespace.kubectl(["get", "pod", pod, "--output=jsonpath={.status.phase}"]);
}

test.each(["agent.yaml", "scaled-job.yaml"])(
  "an agent in the pod of %s, as user 1000 with the published rights, runs jobs, owns their pods, and finishes one at SIGTERM",
  async (file) => {
    await using namespace = await createNamespace();
    await using scene = await createScene();
    await prepare(namespace);
    await namespace.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "agent" },
      spec: await agentPod(scene.hub.endpoint, [], file),
    });
    const command = "for i in $(seq 50); do echo $i; sleep 0.1; done";
    const id = await scene.hub.submit({ commands: [command] });
    const shows = async (text: string) => outputOf(await scene.hub.log(id), command).includes(text);
    await patiently("the job runs", () => shows("5\n"));
    const owner = await namespace.kubectl([
      "get",
      "pod",
      `semaphore-job-${id}`,
      "--output=jsonpath={.metadata.ownerReferences[0].name}",
    ]);
    expect(owner).toBe("agent");
    await namespace.kubectl(["delete", "pod", "agent", "--wait=false"]);
    await patiently("the job is done", async () => (await scene.hub.job(id)).isDone);
    expect((await scene.hub.job(id)).result).toBe("passed");
    expect(outputOf(await scene.hub.log(id), command)).toBe(
      Array.from({ length: 50 }, (_, at) => `${at + 1}\n`).join(""),
    );
    await patiently(
      "only the agent's secret is left",
      async () => (await namespace.left()).join() === "secret/signalman-agent",
    );
    expect(await scene.hub.violations()).toEqual([]);
  },
  240_000,
);

test("an agent for one job, as Semaphore's controller starts it, exits with 0 although the job failed", async () => {
  await using namespace = await createNamespace();
  await using scene = await createScene();
  await prepare(namespace);
  const id = await scene.hub.submit({ commands: ["exit 3"] });
  const env = [
    { name: "SEMAPHORE_AGENT_JOB_ID", value: id },
    { name: "SEMAPHORE_AGENT_DISCONNECT_AFTER_JOB", value: "true" },
    { name: "SEMAPHORE_AGENT_KUBERNETES_LABELS", value: "semaphoreci.com/agent-type=s1-test" },
  ];
  await namespace.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "agent" },
    spec: await agentPod(scene.hub.endpoint, env),
  });
  await patiently("the agent has exited", async () =>
    ["Succeeded", "Failed"].includes(await phaseOf(namespace, "agent")),
  );
  expect([await phaseOf(namespace, "agent"), (await scene.hub.job(id)).result]).toEqual([
    "Succeeded",
    "failed",
  ]);
  expect(outline(await scene.hub.log(id))).toContain("[exit 3] 1: ");
  expect((await namespace.left()).toSorted()).toEqual(["pod/agent", "secret/signalman-agent"]);
}, 240_000);
