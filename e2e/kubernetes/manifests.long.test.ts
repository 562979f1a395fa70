import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { helm, kedaDefinitions, kubeconform, podMonitorDefinition } from "../support/cluster/charts.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { writeSchemas } from "../support/cluster/schemas.ts";
import { createTester, root } from "../support/fixtures.ts";
import { defineKinds, everything } from "./chart-values.ts";
import { createNamespace, patiently } from "./namespaces.ts";
import { chart } from "./releases.ts";

let directory = "";
let schemas: readonly string[] = [];

beforeAll(async () => {
  await startCluster();
  await using namespace = await createNamespace();
  await defineKinds(namespace, [...(await kedaDefinitions()), await podMonitorDefinition()]);
  directory = await mkdtemp(path.join(tmpdir(), "signalman-schemas-"));
  // The API server describes new kinds a moment after it accepts them.
  await patiently("the API server describes all kinds", async () => {
    schemas = await writeSchemas(directory);
    const files = [
      "keda.sh/scaledjob_v1alpha1",
      "monitoring.coreos.com/podmonitor_v1",
      "apps/statefulset_v1",
    ];
    const found = await Promise.all(
      files.map((file) => Bun.file(path.join(directory, `${file}.json`)).exists()),
    );
    return found.every(Boolean);
  });
}, 1_800_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

/** Returns the names of the valid objects. */
async function validate(manifests: string): Promise<readonly string[]> {
  const report = await kubeconform(schemas, manifests);
  const lines = report.trim().split("\n");
  return lines.map((line) => / - (\w+ \S+) is valid$/.exec(line)?.[1] ?? line);
}

test.each([
  ["agent.yaml", ["Deployment"]],
  ["statefulset.yaml", ["StatefulSet"]],
  ["scaled-job.yaml", ["ScaledJob"]],
  ["cache.yaml", ["Deployment", "Service"]],
  ["rbac.yaml", ["Role", "RoleBinding", "ServiceAccount"]],
])("docs/kubernetes/%s is valid for the schemas of Kubernetes", async (file, kinds) => {
  const text = await Bun.file(path.join(root, "docs", "kubernetes", file)).text();
  const found = (await validate(text)).map((name) => name.split(" ")[0]);
  expect(found).toEqual(expect.arrayContaining(kinds));
});

test.each(["deployment", "statefulset", "scaled-job"])(
  "what the chart renders for mode %s is valid for the schemas, with the defaults and with every value",
  async (mode) => {
    await using tester = await createTester();
    const all = { ...everything, podMonitor: { enabled: true, labels: { a: "b" } } };
    const file = await tester.write("values.json", JSON.stringify(all));
    const base = ["template", "agent", chart, "--set", "endpoint=example.com", "--set", "token=t"];
    const kind = { deployment: "Deployment", statefulset: "StatefulSet", "scaled-job": "ScaledJob" }[mode]!;
    const defaults = await validate(await helm([...base, "--set", `mode=${mode}`]));
    expect(defaults).toContain(`${kind} agent`);
    const full = await validate(await helm([...base, "--set", `mode=${mode}`, "--values", file]));
    expect(full).toEqual(
      expect.arrayContaining([`${kind} agent`, "PodMonitor agent-cache", "NetworkPolicy agent-cache"]),
    );
    expect(full.every((name) => /^\w+ [\w-]+$/.test(name))).toBe(true);
  },
);

test.each([
  ["a field that the kind does not have", "spec: { replicaz: 1 }", "replicaz"],
  [
    "a field that a container does not have",
    "spec: { template: { spec: { containers: [{ nam: a }] } } }",
    "nam",
  ],
  ["a value of another type", "spec: { replicas: one }", "replicas"],
  ["a key that is given twice", "spec: {}\nspec: {}", "spec"],
])("the schemas refuse %s", async (_, spec, culprit) => {
  const manifest = `apiVersion: apps/v1\nkind: StatefulSet\nmetadata: { name: a }\n${spec}\n`;
  await expect(validate(manifest)).rejects.toThrow(culprit);
});
