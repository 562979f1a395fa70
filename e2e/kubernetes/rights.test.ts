import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createRecordingLogger, tmpdir } from "signalman/testing";
import { cleanUp } from "../../plugins/kubernetes/clean-up.ts";
import { toPath } from "../../plugins/kubernetes/client/resources.ts";
import { createLeftJobs } from "../../plugins/kubernetes/left-jobs.ts";
import { root } from "../support/fixtures.ts";
import { createNamespace, patiently } from "./namespaces.ts";
import { connectWith, publishedRole, runAs, without } from "./roles.ts";

describe("the published roles", () => {
  test("the least one runs a job, by asking instead of watching, and says once what is missing", async () => {
    await using namespace = await createNamespace();
    const client = await connectWith(namespace, await publishedRole("signalman-agent"));
    const { code, output, logged } = await runAs(client);
    expect([code, output]).toEqual([0, "hello\n"]);
    expect(logged.filter((line) => line.includes('does not allow to "watch" pods'))).toHaveLength(1);
    await namespace.emptied();
  }, 120_000);

  test("the full one runs a job without a complaint, and finds what was left", async () => {
    await using namespace = await createNamespace();
    const client = await connectWith(namespace, await publishedRole("signalman-agent-extended"));
    const { code, output, logged } = await runAs(client, { isKept: true });
    expect([code, output]).toEqual([0, "hello\n"]);
    expect(logged.filter((line) => line.includes("does not allow"))).toEqual([]);
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
      logger.entries.filter(({ message }) => message.startsWith("deleted the objects of an earlier job")),
    ).toHaveLength(1);
  }, 120_000);

  test("neither reads the agent's own secret, by any verb", async () => {
    await using namespace = await createNamespace();
    await namespace.kubectl([
      "create",
      "secret",
      "generic",
      "signalman-agent",
      "--from-literal=token=registration-token",
    ]);
    for (const role of ["signalman-agent", "signalman-agent-extended"] as const) {
      const client = await connectWith(namespace, await publishedRole(role));
      for (const path of [toPath(client, "secrets"), toPath(client, "secrets", "signalman-agent")]) {
        expect(client.call("GET", path, { retryMs: 0 })).rejects.toMatchObject({ status: 403 });
        const query = { watch: true, timeoutSeconds: 1 };
        expect(client.call("GET", path, { query, retryMs: 0 })).rejects.toMatchObject({ status: 403 });
      }
    }
  }, 120_000);

  test("the least one finds pod and secrets of a recorded job", async () => {
    await using namespace = await createNamespace();
    await using state = await tmpdir();
    const leftJobs = createLeftJobs(state.path);
    const client = await connectWith(namespace, await publishedRole("signalman-agent"));
    await runAs(client, { isKept: true });
    const [pod = ""] = await namespace.left();
    const job = pod.replace("pod/semaphore-job-", "");
    const logger = createRecordingLogger();
    const context = { agentId: "test-agent", logger, signal: new AbortController().signal };
    leftJobs.add("other");
    leftJobs.add(job);
    await cleanUp(async () => client, { ...context, runningJobs: [job] }, leftJobs);
    expect(await namespace.left()).toHaveLength(2);
    expect(leftJobs.list()).toEqual([job]);
    await cleanUp(async () => client, { ...context, runningJobs: [] }, leftJobs);
    await namespace.emptied();
    expect(leftJobs.list()).toEqual([]);
  }, 120_000);

  test("neither grants a wildcard or anything outside of its namespace", async () => {
    const text = await readFile(path.join(root, "docs", "kubernetes", "rbac.yaml"), "utf8");
    expect(text).not.toMatch(/"\*"|'\*'|ClusterRole/);
  });
});

describe("a sweep", () => {
  test("takes a secret for the agent's only by the name of a job's pod", async () => {
    await using namespace = await createNamespace();
    const client = await connectWith(namespace, await publishedRole("signalman-agent-extended"));
    await namespace.kubectl(["create", "secret", "generic", "db-secret", "--from-literal=password=x"]);
    await namespace.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "db", labels: { "signalman/agent": "test-agent" } },
      spec: { nodeSelector: { disk: "none" }, containers: [{ name: "db", image: "none" }] },
    });
    await cleanUp(async () => client, {
      agentId: "test-agent",
      runningJobs: [],
      logger: createRecordingLogger(),
      signal: new AbortController().signal,
    });
    expect(await namespace.left()).toEqual(["pod/db", "secret/db-secret"]);
  }, 120_000);

  test("spares jobs that run, and what other agents have", async () => {
    await using namespace = await createNamespace();
    const client = await connectWith(namespace, await publishedRole("signalman-agent-extended"));
    await runAs(client, { isKept: true });
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
    ["create pods", "Failed to create pod: "],
    ["create secrets", "Failed to create environment secret: "],
    ["get pods/exec", "forbidden"],
  ])(
    "%s fails the job with the server's reason and the remedy",
    async (right, reason) => {
      await using namespace = await createNamespace();
      const rules = without(await publishedRole("signalman-agent-extended"), right);
      const { code, text } = await runAs(await connectWith(namespace, rules));
      expect(code).toBe(1);
      expect(text).toContain(reason);
      const [verb, resource] = right.split(" ");
      expect(text).toContain(`cannot ${verb} resource "${resource}"`);
      expect(text).toContain("grant this to the agent's role as docs/kubernetes/rbac.yaml does");
      await patiently("nothing is left", async () => (await namespace.left()).length === 0);
    },
    120_000,
  );
});
