import { beforeAll, describe, expect, test } from "bun:test";
import { startCluster } from "../support/cluster/cluster.ts";
import { images } from "../support/cluster/images.ts";
import { outline, outputOf } from "../support/jobs.ts";
import { buildAgentImage } from "./agent-image.ts";
import { patiently } from "./namespaces.ts";
import { createRelease, type Release } from "./releases.ts";
import { watchSilence } from "./silence.ts";

beforeAll(async () => {
  await startCluster();
  await buildAgentImage();
}, 1_800_000);

const counting = "for i in $(seq 100); do echo line $i; sleep 0.1; done";
const counted = Array.from({ length: 100 }, (_, at) => `line ${at + 1}\n`).join("");
const waiting = "echo begun; until [ -e /go ]; do sleep 0.1; done; echo ended";

async function submit({ scene }: Release, command: string, shown: string): Promise<string> {
  const id = await scene.hub.submit({ commands: [command] });
  await patiently(`the job shows "${shown}"`, async () =>
    outputOf(await scene.hub.log(id), command).includes(shown),
  );
  return id;
}

/** Waits until neither a job's pod nor a job's secret is left. */
async function cleaned({ namespace }: Release): Promise<void> {
  await patiently(
    "no object of a job is left",
    async () => (await namespace.left()).every((name) => !name.includes("semaphore-job-")),
    120_000,
  );
}

describe.each(["deployment", "statefulset"] as const)("a release of mode %s", (mode) => {
  test("is tested, runs a job with its pod spec, and is upgraded while a job runs, which passes", async () => {
    await using release = await createRelease(mode);
    const { namespace, scene } = release;
    const kubernetes = {
      allowedImages: ["^signalman/"],
      labels: { team: "a" },
      podSpec: {
        mainContainer: { env: [{ name: "FROM_CHART", value: "yes" }] },
        metadata: { annotations: { note: "from chart" } },
      },
    };
    const data = { "ca.crt": "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n" };
    await namespace.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "authorities" }, data });
    const jobs = { ca: { configMap: "authorities" } };
    const notes = await release.apply({ kubernetes, jobs });
    expect(notes).toContain(`mode ${mode}`);
    expect(await release.helm(["test", "agent", "--logs"])).toContain("Succeeded");

    const id = await submit(release, `echo $FROM_CHART $(wc -l <$SSL_CERT_FILE); ${counting}`, "line 5");
    const job = JSON.parse(
      await namespace.kubectl(["get", "pod", `semaphore-job-${id}`, "--output=json"]),
    ) as {
      metadata: { labels: object; annotations: object; ownerReferences: readonly object[] };
    };
    expect(job.metadata).toMatchObject({
      labels: { team: "a", "signalman/release": "agent" },
      annotations: { note: "from chart", "karpenter.sh/do-not-disrupt": "true" },
      ownerReferences: [
        mode === "statefulset"
          ? { kind: "ConfigMap", name: "agent-owner", controller: true }
          : { kind: "Pod", controller: true },
      ],
    });
    const agents = await release.agents();
    const marked = ["get", "pods", "--selector=app.kubernetes.io/name=signalman-agent", "--output=json"];
    await patiently("the agent's pod is marked", async () =>
      (await namespace.kubectl(marked)).includes('"signalman/busy": "true"'),
    );
    await release.apply({ kubernetes, jobs, podAnnotations: { revision: "2" } });
    expect(await release.done(id)).toBe("passed");
    expect(outputOf(await scene.hub.log(id), `echo $FROM_CHART $(wc -l <$SSL_CERT_FILE); ${counting}`)).toBe(
      `yes 3\n${counted}`,
    );
    await cleaned(release);

    const next = await submit(release, "echo next", "next");
    expect(await release.done(next)).toBe("passed");
    expect(await release.agents()).not.toBe(agents);
    const { name } = (await scene.hub.agents()).at(-1)!;
    if (mode === "statefulset") expect(name).toBe("agent-agent-0");
    else expect(name).toStartWith("agent-");
    expect(await scene.hub.violations()).toEqual([]);
  }, 600_000);

  test("is removed while a job runs: the job is stopped with the reason, and nothing of it is left", async () => {
    await using release = await createRelease(mode);
    await release.apply();
    const id = await submit(release, waiting, "begun");
    await release.helm(["uninstall", "agent"]);
    // Before the cluster kills the job's pod, thirty seconds later.
    expect(await release.done(id)).toBe("stopped");
    const log = await release.scene.hub.log(id);
    expect(outputOf(log, waiting)).toStartWith("begun\n");
    expect(outline(log).join("\n")).toContain(
      "[signalman: the agent's rights in the cluster were taken away, as by the end of its release: ",
    );
    await cleaned(release);
    await patiently("the agent's pod is gone", async () => (await release.agents()) === "");
  }, 600_000);
});

const numbers = "for i in $(seq 600); do echo line $i; sleep 0.1; done";
const numbered = Array.from({ length: 600 }, (_, at) => `line ${at + 1}\n`).join("");

test("in mode statefulset three rollouts hand a running job over at once, and its log is exact to the byte", async () => {
  await using release = await createRelease("statefulset");
  const { namespace, scene } = release;
  await release.apply();
  const id = await submit(release, numbers, "line 5");
  const shown = async () => outputOf(await scene.hub.log(id), numbers).length;
  const silence = watchSilence(shown);
  for (let round = 0; round < 3; round++) {
    const before = await release.agents();
    silence.restart();
    await namespace.kubectl(["rollout", "restart", "statefulset/agent"]);
    await patiently("the agent's pod is replaced", async () => {
      const agents = await release.agents();
      return agents !== "" && agents !== before;
    });
    expect((await scene.hub.job(id)).isDone).toBe(false);
    const seen = await shown();
    await patiently("the log goes on", async () => (await shown()) > seen);
  }
  expect(await release.done(id)).toBe("passed");
  await silence.report("restarted by a rollout");
  expect(outputOf(await scene.hub.log(id), numbers)).toBe(numbered);
  expect(await scene.hub.violations()).toEqual([]);
  expect(await scene.hub.agents()).toHaveLength(1);
  await cleaned(release);
}, 600_000);

const servingPlugin = `import { definePlugin } from "signalman";
export default definePlugin({ name: "serving", setup(ctx) {
  ctx.hook("command:start", ({ directive, setVariable }) => {
    if (directive.includes("$SERVED")) setVariable("SERVED", "by its process", { scope: "command", served: true });
  });
} });`;

test("in mode statefulset a hand-over waits for a command that its job's process serves", async () => {
  await using release = await createRelease("statefulset");
  const { namespace, scene } = release;
  const data = {
    "serving.ts": servingPlugin,
    "config.json": JSON.stringify({ plugins: { "./serving.ts": {} } }),
  };
  await namespace.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "own" }, data });
  await release.apply({
    extraVolumes: [{ name: "own", configMap: { name: "own" } }],
    extraVolumeMounts: [{ name: "own", mountPath: "/etc/signalman" }],
  });
  const served = `echo $SERVED; ${waiting}`;
  const id = await scene.hub.submit({ commands: [served, counting] });
  const output = async (command: string) => outputOf(await scene.hub.log(id), command);
  await patiently("the command runs", async () => (await output(served)).includes("process\nbegun"));
  const before = await release.agents();
  await namespace.kubectl(["delete", "pod", "agent-0", "--wait=false"]);
  await patiently("the hand-over waits", async () =>
    (await namespace.kubectl(["exec", "agent-0", "--", "cat", "/tmp/agent_log"]).catch(() => "")).includes(
      "the hand-over waits for a command",
    ),
  );
  await namespace.kubectl(["exec", `semaphore-job-${id}`, "--", "touch", "/go"]);
  await patiently("another pod of the agent runs", async () => {
    const agents = await release.agents();
    return agents !== "" && agents !== before;
  });
  expect(await release.done(id)).toBe("passed");
  expect(await output(served)).toBe("by its process\nbegun\nended\n");
  expect(await output(counting)).toBe(counted);
  await cleaned(release);
}, 600_000);

test("in mode statefulset a job finishes before its agent when that has no successor, or the job could not continue", async () => {
  await using release = await createRelease("statefulset");
  const { namespace, scene } = release;
  await release.apply();
  const first = await submit(release, waiting, "begun");
  const before = await release.agents();
  const agentLog = () => namespace.kubectl(["exec", "agent-0", "--", "cat", "/tmp/agent_log"]);
  await namespace.kubectl(["scale", "statefulset/agent", "--replicas=0"]);
  await patiently("the agent waits for the job", async () =>
    (await agentLog()).includes(
      'have the grace period to finish: StatefulSet "agent" is scaled to 0 replicas',
    ),
  );
  await namespace.kubectl(["exec", `semaphore-job-${first}`, "--", "touch", "/go"]);
  expect(await release.done(first)).toBe("passed");
  await patiently("the agent's pod is gone", async () => (await release.agents()) === "");

  await release.apply({ kubernetes: { defaultImage: images.noScript } });
  expect(await release.agents()).not.toBe(before);
  const second = await submit(release, waiting, "begun");
  await namespace.kubectl(["delete", "pod", "agent-0", "--wait=false"]);
  await patiently("the agent waits for the job", async () =>
    (await agentLog()).includes("to finish: a job cannot be continued by another process"),
  );
  await namespace.kubectl(["exec", `semaphore-job-${second}`, "--", "touch", "/go"]);
  expect(await release.done(second)).toBe("passed");
  expect(outputOf(await scene.hub.log(second), waiting)).toBe("begun\nended\n");
  await cleaned(release);
}, 600_000);

test("in mode statefulset a job continues in mid-command when its agent's pod is force-deleted, twice", async () => {
  await using release = await createRelease("statefulset");
  const { namespace, scene } = release;
  await release.apply();
  const id = await submit(release, numbers, "line 5");
  const shown = async () => outputOf(await scene.hub.log(id), numbers).split("\n").length;
  const silence = watchSilence(shown);
  for (let round = 0; round < 2; round++) {
    const before = await release.agents();
    silence.restart();
    await namespace.kubectl(["delete", "pod", "agent-0", "--force", "--grace-period=0"]);
    await patiently("another pod of the agent runs", async () => {
      const agents = await release.agents();
      return agents !== "" && agents !== before;
    });
    const seen = await shown();
    await patiently("the log goes on", async () => (await shown()) > seen + 5, 180_000);
  }
  expect(await release.done(id)).toBe("passed");
  await silence.report("force-deleted");
  expect(outputOf(await scene.hub.log(id), numbers)).toBe(numbered);
  await cleaned(release);
}, 600_000);

test("an agent whose rights come back in time continues its job", async () => {
  await using release = await createRelease("deployment");
  const { namespace } = release;
  await release.apply();
  const id = await submit(release, waiting, "begun");
  const binding = await namespace.kubectl(["get", "rolebinding", "agent", "--output=json"]);
  await namespace.kubectl(["delete", "rolebinding", "agent"]);
  const log = () => namespace.kubectl(["exec", "deployment/agent", "--", "cat", "/tmp/agent_log"]);
  await patiently("the agent warns", async () => (await log()).includes("the cluster refuses the agent: "));
  const { metadata, subjects, roleRef, kind, apiVersion } = JSON.parse(binding) as {
    readonly metadata: { readonly name: string };
    readonly [field: string]: unknown;
  };
  await namespace.apply({ apiVersion, kind, metadata: { name: metadata.name }, subjects, roleRef });
  await patiently("the agent goes on", async () =>
    (await log()).includes("the cluster accepts the agent again"),
  );
  await namespace.kubectl(["exec", `semaphore-job-${id}`, "--", "touch", "/go"]);
  expect(await release.done(id)).toBe("passed");
  expect(await log()).toContain("a rollout, an eviction or a drained node ends each job");
  await cleaned(release);
}, 600_000);
