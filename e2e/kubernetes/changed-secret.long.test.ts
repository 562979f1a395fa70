import { beforeAll, expect, test } from "bun:test";
import { startCluster } from "../support/cluster/cluster.ts";
import { registrationToken } from "../support/hub-process.ts";
import { buildAgentImage } from "./agent-image.ts";
import { patiently } from "./namespaces.ts";
import { createRelease } from "./releases.ts";

beforeAll(async () => {
  await startCluster();
  await buildAgentImage();
}, 1_800_000);

test("an upgrade restarts an agent when the content of its existing secret has changed, and only then", async () => {
  await using release = await createRelease("deployment");
  const { namespace } = release;
  const setSecret = (stringData: object) =>
    namespace.apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "own" }, stringData });
  await setSecret({ token: registrationToken });
  const values = { token: "", existingSecret: "own" };
  await release.apply(values);
  const first = await release.agents();
  await release.apply(values);
  expect(await release.agents()).toBe(first);
  await setSecret({ token: registrationToken, authorization: `Token ${registrationToken}` });
  await release.apply(values);
  await patiently("another agent runs alone", async () => !(await release.agents()).includes(first));
  const second = await release.agents();
  await release.apply(values);
  expect(await release.agents()).toBe(second);
}, 600_000);
