import { expect, test } from "bun:test";
import { createHostedScene } from "./hosted-client.ts";

test.concurrent("a job is refused at once when no executor can run it, and the agent takes another", async () => {
  await using scene = await createHostedScene();
  const job = { job_id: "odd", commands: ["true"] };
  expect(await scene.submit({ ...job, executor: "shel" })).toMatchObject({
    status: 422,
    text: expect.stringContaining('no executor named \\"shel\\"'),
  });
  for (const compose of [undefined, { containers: [] }]) {
    expect(await scene.submit({ ...job, executor: "dockercompose", compose })).toMatchObject({
      status: 422,
      text: expect.stringContaining('add one to \\"compose.containers\\"'),
    });
  }
  expect(JSON.parse((await scene.call("GET", "/status")).text)).toMatchObject({ state: "waiting-for-job" });
  expect((await scene.submit(job)).status).toBe(200);
  expect(await scene.callbacks.has("finished")).toBe('{"result":"passed"}');
  await scene.archive("odd");
  await scene.callbacks.has("teardown");
});
