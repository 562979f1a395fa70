import { expect, test } from "bun:test";
import { createPodScene } from "./agents.ts";
import { patiently } from "./namespaces.ts";
import { createAccount, publishedRole, without } from "./roles.ts";

test("an agent with the published role removes at its start what an earlier one could not", async () => {
  await using pods = await createPodScene();
  const { namespace, scene } = pods;
  const rules = await publishedRole("signalman-agent");
  const account = await createAccount(namespace, rules);
  const env = { KUBECONFIG: await scene.tester.write("kubeconfig", account.kubeconfig) };
  const mayDelete = async (answer: "yes" | "no") => {
    const as = `--as=system:serviceaccount:${namespace.name}:${account.name}`;
    const ask = (kind: string) =>
      namespace.kubectl(["auth", "can-i", "delete", kind, as]).then(
        () => "yes",
        () => "no",
      );
    await patiently(`the account may delete: ${answer}`, async () =>
      (await Promise.all([ask("pods"), ask("secrets")])).every((each) => each === answer),
    );
  };
  const agent = await pods.start([], env);
  const id = await scene.hub.submit({ commands: ["echo begun; until [ -e /go ]; do sleep 0.1; done"] });
  await pods.shows(id, "begun");

  await account.grant(without(without(rules, "delete pods"), "delete secrets"));
  await mayDelete("no");
  await namespace.kubectl(["exec", `semaphore-job-${id}`, "--", "touch", "/go"]);
  expect(await pods.result(id)).toBe("passed");
  await patiently("the agent has given up", async () =>
    (await scene.agentLog()).includes("the agent tries again at its next start"),
  );
  agent.kill("SIGTERM");
  await agent.finished;
  expect(await namespace.left()).toHaveLength(2);

  await account.grant(rules);
  await mayDelete("yes");
  await pods.start([], env);
  await namespace.emptied();
  expect(await scene.agentLog()).toContain("deleted the objects of an earlier job of agent");
}, 240_000);
