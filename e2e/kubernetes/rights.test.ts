import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import {
  executorContext,
  jobRequest,
  createRecordingJobLog,
  createRecordingLogger,
  tmpdir,
} from "signalman/testing";
import { parseAllDocuments } from "yaml";
import { createClient } from "../../plugins/kubernetes/client/client.ts";
import { loadConnection } from "../../plugins/kubernetes/client/connection.ts";
import { cleanUp } from "../../plugins/kubernetes/clean-up.ts";
import { toKubeconfig } from "../cluster/certificates.ts";
import { root } from "../fixtures.ts";
import { createNamespace, type Namespace, patiently } from "./namespaces.ts";
import { create } from "./subjects.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** The published roles by name. */
async function publishedRoles(): Promise<ReadonlyMap<string, readonly Rule[]>> {
  const text = await readFile(path.join(root, "docs", "kubernetes", "rbac.yaml"), "utf8");
  const objects = parseAllDocuments(text).map(
    (document) => document.toJS() as { kind: string; metadata: { name: string }; rules?: Rule[] },
  );
  return new Map(
    objects.flatMap(({ kind, metadata, rules = [] }) =>
      kind === "Role" ? [[metadata.name, rules] as const] : [],
    ),
  );
}

/** A client in the namespace with exactly these rights. */
async function clientWith(namespace: Namespace, rules: readonly Rule[]) {
  const name = `agent-${crypto.randomUUID()}`;
  const metadata = { name };
  const rbac = "rbac.authorization.k8s.io";
  await namespace.apply(
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    { apiVersion: `${rbac}/v1`, kind: "Role", metadata, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata,
      subjects: [{ kind: "ServiceAccount", name, namespace: namespace.name }],
      roleRef: { apiGroup: rbac, kind: "Role", name },
    },
  );
  const token = (await namespace.kubectl(["create", "token", name])).trim();
  const directory = await tmpdir();
  const kubeconfig = path.join(directory.path, "config");
  await Bun.write(kubeconfig, toKubeconfig({ token }));
  process.env["KUBECONFIG"] = kubeconfig;
  const connection = await loadConnection({ KUBECONFIG: kubeconfig, KUBERNETES_NAMESPACE: namespace.name });
  return createClient(connection);
}

/** Runs a job with these rights. */
async function runWith(namespace: Namespace, rules: readonly Rule[], isKept = false) {
  const client = await clientWith(namespace, rules);
  const directory = await tmpdir();
  const log = createRecordingJobLog();
  const logger = createRecordingLogger();
  const executor = create(executorContext(directory.path, { log, logger, job: jobRequest() }), { client });
  const code = await executor.start(new AbortController().signal);
  let output = "";
  if (code === 0) await executor.run("echo hello", (chunk) => (output += Buffer.from(chunk).toString()));
  if (!isKept) await executor[Symbol.asyncDispose]();
  return {
    client,
    code,
    output,
    logs: logger.entries.map(({ message }) => message),
    text: log.blocks.map((block) => block.output).join(""),
  };
}

const without = (rules: readonly Rule[], resource: string, verb: string): Rule[] =>
  rules
    .map((rule) => ({
      ...rule,
      verbs: rule.resources.includes(resource) ? rule.verbs.filter((each) => each !== verb) : rule.verbs,
    }))
    .filter(({ verbs }) => verbs.length > 0);

describe("the published roles", () => {
  test("the least one runs a job, by asking instead of watching, and says once what is missing", async () => {
    await using namespace = await createNamespace();
    const rules = (await publishedRoles()).get("signalman-agent-minimal") ?? [];
    const { code, output, logs } = await runWith(namespace, rules);
    expect([code, output]).toEqual([0, "hello\n"]);
    expect(logs.filter((line) => line.includes('does not allow to "watch" pods'))).toHaveLength(1);
    await namespace.emptied();
  }, 120_000);

  test("the full one runs a job without a complaint, and finds what was left", async () => {
    await using namespace = await createNamespace();
    const rules = (await publishedRoles()).get("signalman-agent") ?? [];
    const { client, code, output, logs } = await runWith(namespace, rules, true);
    expect([code, output]).toEqual([0, "hello\n"]);
    expect(logs.filter((line) => line.includes("does not allow"))).toEqual([]);
    expect((await namespace.left()).length).toBe(2);
    const logger = createRecordingLogger();
    await cleanUp(async () => client, {
      agentId: "test-agent",
      runningJobs: [],
      logger,
      signal: new AbortController().signal,
    });
    await namespace.emptied();
    expect(
      logger.entries.filter(({ message }) => message.startsWith("removing what an earlier job")),
    ).toHaveLength(2);
  }, 120_000);

  test("neither grants a wildcard or anything outside of its namespace", async () => {
    const text = await readFile(path.join(root, "docs", "kubernetes", "rbac.yaml"), "utf8");
    expect(text).not.toMatch(/"\*"|'\*'|ClusterRole/);
  });
});

describe("a sweep", () => {
  test("spares jobs that run, and what other agents have", async () => {
    await using namespace = await createNamespace();
    const rules = (await publishedRoles()).get("signalman-agent") ?? [];
    const { client } = await runWith(namespace, rules, true);
    const [pod = ""] = await namespace.left();
    const job = pod.replace("pod/semaphore-job-", "");
    const sweep = (agentId: string, runningJobs: readonly string[]) =>
      cleanUp(async () => client, {
        agentId,
        runningJobs,
        logger: createRecordingLogger(),
        signal: new AbortController().signal,
      });
    await sweep("another-agent", []);
    await sweep("test-agent", [job]);
    expect(await namespace.left()).toHaveLength(2);
    await sweep("test-agent", []);
    await namespace.emptied();
  }, 120_000);
});

describe("a role that forbids", () => {
  test.each([
    ["pods", "create", "Failed to create pod: "],
    ["secrets", "create", "Failed to create environment secret: "],
    ["pods/exec", "get", "forbidden"],
  ])(
    "%s: %s fails the job with the server's reason",
    async (resource, verb, reason) => {
      await using namespace = await createNamespace();
      const rules = (await publishedRoles()).get("signalman-agent") ?? [];
      const { code, text } = await runWith(namespace, without(rules, resource, verb));
      expect(code).toBe(1);
      expect(text).toContain(reason);
      expect(text).toContain(`cannot ${verb} resource "${resource}"`);
      await patiently("nothing is left", async () => (await namespace.left()).length === 0);
    },
    120_000,
  );
});
