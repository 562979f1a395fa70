import { expect, test } from "bun:test";
import { images } from "../support/cluster/images.ts";
import { createTester } from "../support/fixtures.ts";
import { outputOf, runForEvents } from "../support/jobs.ts";
import { inPods } from "./agents.ts";
import { createNamespace, podSpec } from "./namespaces.ts";

// Only the claims: a job's log masks whole tokens.
const token = "cut -d. -f2 /var/run/secrets/kubernetes.io/serviceaccount/token | base64 -d";
const user = "id -u; id -g";

/** Runs the two commands in a job that asks for root, with this pod spec, and returns their output. */
async function runWith(spec: Readonly<Record<string, string>>) {
  await using namespace = await createNamespace();
  await using tester = await createTester();
  await namespace.apply(
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "deployer" } },
    podSpec("spec", spec),
  );
  const { events } = await runForEvents(
    tester,
    {
      executor: "dockercompose",
      compose: { containers: [{ name: "main", image: images.debian, user: "0:0" }] },
      commands: [user, `${token} || true`],
    },
    ["--executor", "kubernetes", ...inPods, "--kubernetes-pod-spec", "spec"],
    { env: namespace.env },
  );
  await namespace.emptied();
  return { user: outputOf(events, user), token: outputOf(events, `${token} || true`) };
}

test("a job gets no token of the namespace's service account", async () => {
  const { user, token } = await runWith({});
  expect(token).toContain("No such file or directory");
  expect(user).toBe("0\n0\n");
}, 120_000);

test("a job gets the token of the service account that the pod spec names", async () => {
  const { token } = await runWith({ pod: "serviceAccountName: deployer" });
  expect(token).toContain('"system:serviceaccount:');
  expect(token).toContain(':deployer"');
}, 120_000);

test.each([
  ["main container", { mainContainer: "securityContext: { runAsUser: 1000, runAsGroup: 1000 }" }],
  ["pod", { pod: "securityContext: { runAsUser: 1000, runAsGroup: 1000 }" }],
])(
  "a job that asks for root runs as the user of the operator's %s",
  async (_, spec) => {
    expect((await runWith(spec)).user).toBe("1000\n1000\n");
  },
  120_000,
);
