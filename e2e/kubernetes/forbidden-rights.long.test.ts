import { describe, expect, test } from "bun:test";
import type { CleanUpContext } from "signalman";
import { createRecordingLogger } from "signalman/testing";
import { reportAtStart } from "../../plugins/kubernetes/agent/start-report.ts";
import { cleanUp } from "../../plugins/kubernetes/clean-up.ts";
import type { Client } from "../../plugins/kubernetes/client/client.ts";
import { images } from "../support/cluster/images.ts";
import { createNamespace, type Namespace, podSpec } from "./namespaces.ts";
import { connectWith, publishedRole, runAs, toRights, without } from "./roles.ts";

/** What a job loses without a right: everything, or what a line of the agent's log tells. */
type Loss =
  | { readonly kind: "job"; readonly line: string }
  | { readonly kind: "comfort"; readonly line: string };

const fails = (line: string): Loss => ({ kind: "job", line });
const works = (line = ""): Loss => ({ kind: "comfort", line });

/** With the rights of both roles, except this one. */
const full: Readonly<Record<string, Loss>> = {
  "get pods": works(),
  "create pods": fails("Failed to create pod: "),
  "delete pods": fails("Failed to create environment secret: "),
  "watch pods": works('the role does not allow to "watch" pods'),
  "list pods": works('the role does not allow to "list" pods'),
  "get pods/exec": fails(""),
  // Needed from Kubernetes 1.35 on.
  "create pods/exec": works(),
  "get pods/log": works(),
  "create secrets": fails("Failed to create environment secret: "),
  "delete secrets": fails("Failed to create environment secret: "),
  "get configmaps": fails("Failed to load pod spec: "),
  "watch events": works('the role does not allow to "watch" events'),
  "create poddisruptionbudgets": works(
    'the role does not allow to "create" poddisruptionbudgets: a drain of a node ends the jobs on it; grant it',
  ),
  // Needed by an agent that runs in a pod.
  "patch pods": works(),
  // Needed by an agent of a StatefulSet.
  "get statefulsets": works(),
  "get leases": works(),
  "create leases": works(),
  "patch leases": works(),
};

/** With the rights of the bound role, except this one. */
const minimal: Readonly<Record<string, Loss>> = {
  "get pods": fails(""),
  "create pods": full["create pods"]!,
  "delete pods": full["delete pods"]!,
  "get pods/exec": full["get pods/exec"]!,
  "create pods/exec": works(),
  "create secrets": full["create secrets"]!,
  "delete secrets": full["delete secrets"]!,
  "get configmaps": full["get configmaps"]!,
};

describe.each([
  ["signalman-agent-extended", full],
  ["signalman-agent", minimal],
] as const)("role %s", (name, losses) => {
  test("has no right beyond this table", async () => {
    expect(toRights(await publishedRole(name)).toSorted()).toEqual(Object.keys(losses).toSorted());
  });

  test.each(Object.entries(losses))(
    "without %s: the job works, or its log names the right and the remedy; nothing is left",
    async (right, loss) => {
      await using namespace = await createNamespace();
      await applyPodSpec(namespace);
      const client = await connectWith(namespace, without(await publishedRole(name), right));
      const { code, output, text, logged } = await runAs(client, { settings: { podSpec: "pod-spec" } });
      if (loss.kind === "job") {
        const [verb, resource] = right.split(" ");
        expect([code, text]).toEqual([1, expect.stringContaining(loss.line)]);
        expect(text).toContain(`cannot ${verb} resource "${resource}"`);
        expect(text).toContain("grant this to the agent's role as docs/kubernetes/rbac.yaml does");
      } else {
        expect([code, output]).toEqual([0, "hello\n"]);
        expect([...logged, ...(await sweep(client)), ...(await report(client))].join("\n")).toContain(
          loss.line,
        );
      }
      await namespace.emptied();
    },
    180_000,
  );
});

test("without get pods/log, the crash of a sidecar is reported without its last lines", async () => {
  await using namespace = await createNamespace();
  const container = { image: images.debian, command: "", entrypoint: "", user: "", env: [], files: [] };
  const job = {
    containers: [
      { ...container, name: "main" },
      { ...container, name: "db", command: "bash -c 'echo last words; exit 3'" },
    ],
  };
  const attempt = async (right: string) => {
    const client = await connectWith(
      namespace,
      without(await publishedRole("signalman-agent-extended"), right),
    );
    return runAs(client, { job });
  };
  const [granted, refused] = [await attempt(""), await attempt("get pods/log")];
  expect([granted.code, refused.code]).toEqual([1, 1]);
  expect(granted.text).toContain("Last lines of container 'db':\nlast words");
  expect(refused.text).toContain("container 'db' has ended");
  expect(refused.text).not.toContain("Last lines");
  expect(refused.logged.join("\n")).toContain('could not read the log of container "db": ');
  await namespace.emptied();
}, 180_000);

function applyPodSpec(namespace: Namespace): Promise<void> {
  return namespace.apply(podSpec("pod-spec", { mainContainer: "env: [{ name: FROM_SPEC, value: x }]" }));
}

/** Returns what an agent logs at its start. */
async function report(client: Client): Promise<string[]> {
  const logger = createRecordingLogger();
  const { signal } = new AbortController();
  await reportAtStart(async () => client, {
    env: {},
    stateDirectory: undefined,
    owner: undefined,
    isHandingOver: false,
    logger,
    signal,
  });
  return logger.entries.map(({ message }) => message);
}

/** Looks for what earlier jobs have left, and returns what is logged. */
async function sweep(client: Client): Promise<string[]> {
  const logger = createRecordingLogger();
  const context: CleanUpContext = {
    agentId: "test-agent",
    runningJobs: [],
    logger,
    signal: new AbortController().signal,
  };
  await cleanUp(async () => client, context);
  return logger.entries.map(({ message }) => message);
}
