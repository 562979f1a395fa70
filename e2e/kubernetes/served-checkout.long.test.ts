import { beforeAll, expect, test } from "bun:test";
import path from "node:path";
import { createCertificate } from "../../plugins/git-mirrors/job/certificate.ts";
import { startHttpOrigin } from "../../plugins/git-mirrors/testing/http-server.ts";
import { createRepository } from "../../plugins/git-mirrors/testing/repository.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { buildDebianGit, images } from "../support/cluster/images.ts";
import { podGateway } from "../support/cluster/layout.ts";
import { engineCache } from "../support/engine/engine.ts";
import { debianGitRoot } from "../support/engine/images.ts";
import { outputOf } from "../support/jobs.ts";
import { agentGitImage, buildAgentImage, hostAccess } from "./agent-image.ts";
import { patiently } from "./namespaces.ts";
import { createRelease } from "./releases.ts";

beforeAll(async () => {
  await startCluster();
  const root = await debianGitRoot(path.join(engineCache(), "roots"));
  await buildDebianGit(root);
  await buildAgentImage(root);
}, 1_800_000);

/** An agent in the cluster that keeps mirrors, and a job whose clone waits for an answer of the origin. */
async function startCheckout() {
  await using cleanup = new AsyncDisposableStack();
  const tmp = cleanup.use(await tmpdir());
  const repository = await createRepository(tmp.path);
  await repository.commit("main", { "a.txt": "content\n" });
  const { cert, key } = createCertificate(podGateway);
  const origin = cleanup.use(startHttpOrigin({ root: tmp.path, host: podGateway, tls: { cert, key } }));
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  cleanup.defer(answer.resolve);
  origin.fault = async (path) => {
    if (!path.endsWith("/git-upload-pack")) return undefined;
    asked.resolve();
    await answer.promise;
    return undefined;
  };
  const release = cleanup.use(await createRelease("statefulset"));
  const authority = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "authority" },
    data: { pem: cert },
  };
  await release.namespace.apply(authority);
  const [repositoryName = "", tag = ""] = agentGitImage.split(":");
  const file = "/etc/authority/pem";
  await release.apply({
    image: { repository: repositoryName, tag },
    kubernetes: { defaultImage: images.debianGit },
    env: [
      ...hostAccess.env,
      { name: "SEMAPHORE_AGENT_GIT_MIRRORS", value: "true" },
      // Where pods reach the agent, which is on the host's network.
      { name: "KUBERNETES_POD_IP", value: podGateway },
      { name: "NODE_EXTRA_CA_CERTS", value: file },
      { name: "GIT_SSL_CAINFO", value: file },
    ],
    extraVolumes: [{ name: "authority", configMap: { name: "authority" } }],
    extraVolumeMounts: [{ name: "authority", mountPath: "/etc/authority" }],
  });
  const url = `${origin.url}/app.git`;
  const clone = `git clone --quiet --depth 1 ${url} app`;
  const look = "cat app/a.txt; git -C app fsck 2>/dev/null && echo sound";
  const id = await release.scene.hub.submit({ commands: [clone, look], env: { SEMAPHORE_GIT_URL: url } });
  await asked.promise;
  const owned = cleanup.move();
  return {
    ...release,
    answer: answer.resolve,
    output: async (command: "clone" | "look") =>
      outputOf(await release.scene.hub.log(id), command === "clone" ? clone : look),
    result: () => release.done(id),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

test("a rollout waits for a clone from the agent's mirror, which is complete", async () => {
  await using checkout = await startCheckout();
  const { namespace } = checkout;
  const before = await checkout.agents();
  await namespace.kubectl(["rollout", "restart", "statefulset/agent"]);
  await patiently("the hand-over waits", async () =>
    (await namespace.kubectl(["exec", "agent-0", "--", "cat", "/tmp/agent_log"]).catch(() => "")).includes(
      "the hand-over waits for a command",
    ),
  );
  expect(await checkout.agents()).toBe(before);
  checkout.answer();
  expect(await checkout.result()).toBe("passed");
  expect(await checkout.output("clone")).toBe("");
  expect(await checkout.output("look")).toBe("content\nsound\n");
}, 600_000);

test("a clone from the mirror of an agent that is force-deleted fails, and the job's log has the reason", async () => {
  await using checkout = await startCheckout();
  await checkout.namespace.kubectl(["delete", "pod", "agent-0", "--force", "--grace-period=0"]);
  expect(await checkout.result()).toBe("failed");
  expect(await checkout.output("clone")).toEndWith(
    "\n[signalman: the job's process died while it served this command, such as a checkout from a git mirror; the next process cannot serve it]\n",
  );
}, 600_000);
