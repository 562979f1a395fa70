import { expect, test } from "bun:test";
import path from "node:path";
import { toKubeconfig } from "../support/cluster/certificates.ts";
import { createTester, type Tester } from "../support/fixtures.ts";
import { inPods } from "./agents.ts";
import { createNamespace, podSpec } from "./namespaces.ts";

interface Finding {
  readonly owner: string;
  readonly level: string;
  readonly title: string;
}

/** What the check of the plugin finds, as `level: title`. */
async function diagnose(tester: Tester, env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const { stdout } = await tester.run(["doctor", "--json", ...inPods, ...args], { env });
  const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] };
  return findings
    .filter(({ owner }) => owner === "kubernetes")
    .map(({ level, title }) => `${level}: ${title}`);
}

test("doctor reports the API server's version, the rights and the pod spec", async () => {
  await using namespace = await createNamespace();
  await using tester = await createTester();
  await namespace.apply(podSpec("spec", { pod: "{}" }));
  expect(await diagnose(tester, namespace.env, ["--kubernetes-pod-spec", "spec"])).toEqual([
    expect.stringMatching(
      new RegExp(`^ok: Kubernetes v1\\.\\S+ at "https://.*", namespace "${namespace.name}"$`),
    ),
    "ok: the role grants all rights that the agent uses",
    'ok: pod spec: ConfigMap "spec"',
  ]);
  expect(await diagnose(tester, namespace.env, ["--kubernetes-pod-spec", "none"])).toContainEqual(
    expect.stringMatching(/^error: ConfigMap "none": .*not found/),
  );
}, 120_000);

test("doctor names each right that is missing, and a server that cannot be reached", async () => {
  await using namespace = await createNamespace();
  await using tester = await createTester();
  const token = (await namespace.kubectl(["create", "token", "default"])).trim();
  const withoutRights = path.join(tester.home, "without-rights");
  await Bun.write(withoutRights, toKubeconfig({ token }));
  const findings = await diagnose(tester, { ...namespace.env, KUBECONFIG: withoutRights });
  const place = `in namespace "${namespace.name}"`;
  expect(findings).toContain(`error: the role does not allow to "create" "pods/exec" ${place}`);
  expect(findings.filter((finding) => !finding.startsWith("error: the role does not"))).toHaveLength(1);

  const away = path.join(tester.home, "away");
  await Bun.write(away, toKubeconfig({ token }, { server: "https://127.0.0.1:1" }));
  expect(await diagnose(tester, { ...namespace.env, KUBECONFIG: away })).toEqual([
    expect.stringMatching(/^error: the Kubernetes API server "https:\/\/127\.0\.0\.1:1" cannot be reached/),
  ]);
}, 120_000);
