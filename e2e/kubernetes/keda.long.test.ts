import { beforeAll, expect, test } from "bun:test";
import { buildKeda, kedaDefinitions } from "../support/cluster/charts.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { startKeda } from "../support/cluster/keda.ts";
import { outputOf } from "../support/jobs.ts";
import { buildAgentImage } from "./agent-image.ts";
import { defineKinds } from "./chart-values.ts";
import { patiently } from "./namespaces.ts";
import { createRelease } from "./releases.ts";

beforeAll(async () => {
  await startCluster();
  await buildAgentImage();
  // Its first build may take longer than the test.
  await buildKeda();
}, 3_600_000);

const waiting = "echo begun; until [ -e /go ]; do sleep 0.1; done; echo ended";

test("KEDA starts an agent for each queued job, and an upgrade of the chart applies to the next one", async () => {
  await using release = await createRelease("scaled-job");
  const { namespace, scene } = release;
  const { hub } = scene;
  await defineKinds(namespace, await kedaDefinitions());
  await using _keda = await startKeda();
  const scaledJob = { scheme: "http", pollingInterval: 1, maxReplicaCount: 2 };
  await release.apply({ scaledJob });
  expect(await release.agents()).toBe("");

  const first = await hub.submit({ commands: [waiting] });
  await patiently("the first job runs", async () => outputOf(await hub.log(first), waiting) === "begun\n");
  const agent = await release.agents();
  expect(agent.split(" ")).toHaveLength(2);

  // Agents are on the host's network, where each needs a port of its own.
  const health = { port: 9990 };
  await release.apply({ scaledJob, health, podAnnotations: { revision: "2" } });
  const second = await hub.submit({ commands: ["echo second"] });
  expect(await release.done(second)).toBe("passed");
  expect(await release.agents()).toContain(agent);
  const revisions = [
    "get",
    "pods",
    "--selector=app.kubernetes.io/name=signalman-agent",
    "--output=jsonpath={.items[*].metadata.annotations.revision}",
  ];
  expect(await namespace.kubectl(revisions)).toBe("2");
  expect((await hub.job(first)).isDone).toBe(false);

  await namespace.kubectl(["exec", `semaphore-job-${first}`, "--", "touch", "/go"]);
  expect(await release.done(first)).toBe("passed");
  expect(outputOf(await hub.log(first), waiting)).toBe("begun\nended\n");
  expect(await hub.violations()).toEqual([]);
  await patiently("no object of a job is left", async () =>
    (await namespace.left()).every((name) => !name.includes("semaphore-job-")),
  );
  await release.helm(["uninstall", "agent"]);
  await patiently("no agent is left", async () => (await release.agents()) === "");
}, 600_000);
