import { beforeAll, expect, test } from "bun:test";
import path from "node:path";
import { parseAllDocuments } from "yaml";
import { createScene } from "../support/agents.ts";
import { helm, kedaDefinitions } from "../support/cluster/charts.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { images } from "../support/cluster/images.ts";
import { root } from "../support/fixtures.ts";
import { registrationToken } from "../support/hub-process.ts";
import { outputOf } from "../support/jobs.ts";
import { agentImage, buildAgentImage, hostAccess } from "./agent-image.ts";
import { createNamespace, patiently } from "./namespaces.ts";
import { type Rule, toRights } from "./roles.ts";

const chart = path.join(root, "docs", "kubernetes", "chart");

beforeAll(async () => {
  await startCluster();
  await buildAgentImage();
}, 1_800_000);

test("the chart passes Helm's own checks, and refuses values without an endpoint", async () => {
  const values = ["--set", "endpoint=example.com", "--set", "token=t"];
  for (const mode of ["deployment", "scaled-job"])
    expect(await helm(["lint", "--strict", chart, ...values, "--set", `mode=${mode}`])).toContain(
      "0 chart(s) failed",
    );
  expect(helm(["template", "agent", chart])).rejects.toThrow("endpoint");
}, 1_800_000);

test("the chart's role cannot read secrets, with its defaults and in full", async () => {
  const values = ["--set", "endpoint=example.com", "--set", "token=t"];
  for (const minimal of [[], ["--set", "rbac.minimal=false"]]) {
    const rendered = await helm(["template", "agent", chart, ...values, ...minimal]);
    const role = parseAllDocuments(rendered)
      .map((document) => document.toJS() as { kind: string; rules: readonly Rule[] })
      .find(({ kind }) => kind === "Role");
    const rights = toRights(role!.rules);
    expect(rights.filter((right) => right.endsWith(" secrets"))).toEqual([
      "create secrets",
      "delete secrets",
    ]);
    expect(rights.includes("watch pods")).toBe(minimal.length > 0);
  }
}, 1_800_000);

test("an installed chart's agent runs a job with the chart's pod spec", async () => {
  await using namespace = await createNamespace();
  await using scene = await createScene();
  const [repository = "", tag = ""] = agentImage.split(":");
  const values = {
    image: { repository, tag },
    endpoint: scene.hub.endpoint,
    token: registrationToken,
    hostNetwork: hostAccess.hostNetwork,
    env: hostAccess.env,
    deployment: { interruptionGracePeriod: 5 },
    kubernetes: {
      defaultImage: images.debian,
      allowedImages: ["^signalman/"],
      labels: { team: "a" },
      podSpec: { mainContainer: { env: [{ name: "FROM_CHART", value: "yes" }] } },
    },
  };
  const file = await scene.tester.write("values.json", JSON.stringify(values));
  await helm(["install", "agent", chart, "--namespace", namespace.name, "--values", file]);
  const id = await scene.hub.submit({ commands: ["echo $FROM_CHART"] });
  await patiently("the job is done", async () => (await scene.hub.job(id)).isDone);
  expect([(await scene.hub.job(id)).result, outputOf(await scene.hub.log(id), "echo $FROM_CHART")]).toEqual([
    "passed",
    "yes\n",
  ]);
  await helm(["uninstall", "agent", "--namespace", namespace.name]);
}, 300_000);

test("the published ScaledJob, and the chart's, are what KEDA takes", async () => {
  await using namespace = await createNamespace();
  for (const file of await kedaDefinitions())
    await namespace.kubectl(["apply", "--server-side", `--filename=${file}`]);
  const established = [
    "wait",
    "--for=condition=Established",
    "crd/scaledjobs.keda.sh",
    "crd/triggerauthentications.keda.sh",
  ];
  // kubectl refuses to wait for definitions that have no status yet.
  await patiently("the definitions are established", () =>
    namespace.kubectl(established).then(
      () => true,
      () => false,
    ),
  );
  const rendered = await helm([
    "template",
    "agent",
    chart,
    "--set",
    "endpoint=example.com",
    "--set",
    "token=t",
    "--set",
    "mode=scaled-job",
  ]);
  // The grace period, and two minutes to report the job.
  expect(rendered).toMatch(/INTERRUPTION_GRACE_PERIOD\s+value: "3600"/);
  expect(rendered).toContain("terminationGracePeriodSeconds: 3720");
  expect(rendered).toMatch(/rollout:\s+strategy: gradual/);
  const check = ["apply", "--dry-run=server", "--validate=strict", "--filename=-"];
  const published = await Bun.file(path.join(root, "docs", "kubernetes", "scaled-job.yaml")).text();
  for (const text of [published, rendered])
    expect(await namespace.kubectl(check, text)).toMatch(
      /scaledjob\.keda\.sh\/\S+ created \(server dry run\)/,
    );
}, 1_800_000);
