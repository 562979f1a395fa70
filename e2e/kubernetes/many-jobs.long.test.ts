import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { run } from "../support/cluster/command.ts";
import { directories, files } from "../support/cluster/layout.ts";
import { findLeftovers, outputOf } from "../support/jobs.ts";
import { createPodScene } from "./agents.ts";
import { type Namespace, patiently } from "./namespaces.ts";

const jobs = 100;
const podDirectories = path.join(directories.data, "kubelet", "pods");

test.each([1, 2])(
  "a hundred jobs in %i slots leave nothing in the cluster, on the host and in the agent's descriptors",
  async (slots) => {
    await using pods = await createPodScene();
    const { namespace, scene } = pods;
    const agent = await pods.start(["--slots", String(slots)]);
    const ids: string[] = [];
    const finish = async (at: number) => {
      expect(await pods.result(ids[at]!)).toBe("passed");
      expect(outputOf(await scene.hub.log(ids[at]!), `echo job ${at}`)).toBe(`job ${at}\n`);
    };
    // The first job loads what every further job needs.
    ids.push(await scene.hub.submit({ commands: ["echo job 0"] }));
    await finish(0);
    const descriptors = () => readdirSync(`/proc/${agent.pid}/fd`).length;
    const before = descriptors();
    for (let at = 1; at < jobs; at += 1) ids.push(await scene.hub.submit({ commands: [`echo job ${at}`] }));
    for (let at = 1; at < jobs; at += 1) await finish(at);
    await namespace.emptied();
    await patiently("the node has no container", async () => (await containersOf(namespace)) === "");
    await patiently(
      "the node has no directory of a pod",
      async () => (await readdir(podDirectories)).length === 0,
    );
    await patiently("the agent has closed its descriptors", async () => descriptors() <= before + 4);
    expect(await findLeftovers(scene.tester)).toEqual([]);
    expect(await scene.hub.violations()).toEqual([]);
  },
  1_200_000,
);

/** Ids of the containers of this namespace's pods that the node has. */
function containersOf({ name }: Namespace): Promise<string> {
  const filter = `labels."io.kubernetes.pod.namespace"==${name}`;
  const place = ["--address", files.containerdSocket, "--namespace", "k8s.io"];
  return run([files.ctr, ...place, "containers", "list", "--quiet", filter]);
}
