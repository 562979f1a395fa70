import { expect, test } from "bun:test";
import { createHostedScene } from "./hosted-client.ts";
import { sendMalformed } from "./malformed-requests.ts";

test("a thousand malformed requests neither crash nor block an agent, and its job runs on", async () => {
  await using scene = await createHostedScene();
  await scene.submit({
    job_id: "steady",
    commands: ["until [ -e go ]; do sleep 0.1; done", "echo unharmed"],
  });
  await sendMalformed(scene, 1000);
  await scene.tester.write("go", "");
  expect(await scene.callbacks.has("finished")).toBe('{"result":"passed"}');
  expect(JSON.stringify(await scene.archive("steady"))).toContain("unharmed");
  await scene.callbacks.has("teardown");
}, 120_000);
