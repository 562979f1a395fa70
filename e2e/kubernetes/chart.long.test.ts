import { beforeAll, expect, test } from "bun:test";
import path from "node:path";
import { parseAllDocuments } from "yaml";
import { helm, kedaDefinitions } from "../support/cluster/charts.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { createTester, root } from "../support/fixtures.ts";
import { defineKinds, everything } from "./chart-values.ts";
import { createNamespace } from "./namespaces.ts";
import { chart } from "./releases.ts";
import { type Rule, toRights } from "./roles.ts";

const values = ["--set", "endpoint=example.com", "--set", "token=t"];

beforeAll(async () => {
  await startCluster();
}, 1_800_000);

test("the chart passes Helm's own checks, and refuses values without an endpoint", async () => {
  for (const mode of ["deployment", "statefulset", "scaled-job"])
    expect(await helm(["lint", "--strict", chart, ...values, "--set", `mode=${mode}`])).toContain(
      "0 chart(s) failed",
    );
  expect(helm(["template", "agent", chart])).rejects.toThrow("endpoint");
}, 1_800_000);

test("the chart's role cannot read secrets, with its defaults and in full", async () => {
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

test.each([
  ["a typo in a mode's values", "deployment.replica=1"],
  ["a typo at the top", "hostNetwrok=true"],
  ["a typo in rbac", "rbac.minmal=true"],
  ["an endpoint with a scheme", "endpoint=https://example.com"],
  ["an unknown mode", "mode=daemonset"],
  ["an unknown key of the pod spec", "kubernetes.podSpec.pods.a=b"],
  ["a secret of the cache that is too short", "cache.secret=short"],
  ["a group of the cache with one project", "cache.share={web}"],
  ["a digest that is no digest", "image.digest=latest"],
])(
  "the chart refuses %s",
  async (_, value) => {
    await expect(helm(["template", "agent", chart, ...values, "--set", value])).rejects.toThrow(
      value.split("=")[0]!.split(".")[0]!,
    );
  },
  1_800_000,
);

test.each(["deployment", "statefulset"])(
  "the API server accepts what the chart renders for mode %s, with the defaults and with every value",
  async (mode) => {
    await using namespace = await createNamespace();
    await using tester = await createTester();
    const file = await tester.write("values.json", JSON.stringify(everything));
    // The pod of `helm test` is refused without it.
    await namespace.kubectl(["create", "serviceaccount", "agent"]);
    for (const more of [[], ["--values", file]]) {
      const rendered = await helm(["template", "agent", chart, ...values, "--set", `mode=${mode}`, ...more]);
      const check = ["apply", "--dry-run=server", "--validate=strict", "--filename=-"];
      const accepted = await namespace.kubectl(check, rendered);
      expect(accepted).toContain(`${mode}.apps/agent created (server dry run)`);
      if (more.length > 0) {
        expect(accepted).toContain("networkpolicy.networking.k8s.io/agent-jobs created");
        expect(accepted).toContain("poddisruptionbudget.policy/agent created");
        expect(accepted).toContain("deployment.apps/agent-cache created");
        expect(rendered).toMatch(/AGENT_CACHE_URL\s+value: "http:\/\/agent-cache\.[^"]+:9700"/);
        expect(rendered).toContain(`signalman@sha256:${"a".repeat(64)}`);
        expect(rendered).toMatch(/name: NUMBER\s+value: "1"/);
        expect(rendered).toMatch(/JOB_NO_PROXY\s+value: "\.a \.b"/);
      }
    }
  },
  1_800_000,
);

test("the chart renders a PodMonitor for the agents' port", async () => {
  const rendered = await helm(["template", "agent", chart, ...values, "--set", "podMonitor.enabled=true"]);
  const monitor = parseAllDocuments(rendered)
    .map((document) => document.toJS() as { kind: string; spec: object })
    .find(({ kind }) => kind === "PodMonitor");
  expect(monitor?.spec).toMatchObject({
    selector: { matchLabels: { "app.kubernetes.io/instance": "agent" } },
    podMetricsEndpoints: [{ port: "metrics", path: "/metrics" }],
  });
}, 1_800_000);

test("the published ScaledJob, and the chart's, are what KEDA takes", async () => {
  await using namespace = await createNamespace();
  await defineKinds(namespace, await kedaDefinitions());
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
  await namespace.kubectl(["create", "serviceaccount", "agent"]);
  const check = ["apply", "--dry-run=server", "--validate=strict", "--filename=-"];
  const published = await Bun.file(path.join(root, "docs", "kubernetes", "scaled-job.yaml")).text();
  for (const text of [published, rendered])
    expect(await namespace.kubectl(check, text)).toMatch(
      /scaledjob\.keda\.sh\/\S+ created \(server dry run\)/,
    );
}, 1_800_000);
