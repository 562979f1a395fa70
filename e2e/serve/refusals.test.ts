import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { makeSharedDirectory } from "../../test/shared-directory.ts";
import { createHostedScene } from "./hosted-client.ts";
import { outline } from "../support/jobs.ts";
import { isRoot, users } from "../support/users.ts";

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

test.concurrent.if(isRoot && users.length > 1)(
  "a jump point that another user made is named with its owner, and an option names another path",
  async () => {
    const shared = mkdtempSync("/tmp/signalman-shared-");
    using _removal = { [Symbol.dispose]: () => rmSync(shared, { recursive: true }) };
    makeSharedDirectory(shared);
    const [made, free] = [path.join(shared, "made"), path.join(shared, "free")];
    writeFileSync(made, "of root");
    const { as } = users[1]!;
    const job = { commands: ["true"] };
    {
      await using scene = await createHostedScene(["--ssh-jump-point-path", made], { as });
      await scene.submit({ ...job, job_id: "refused" });
      expect(await scene.callbacks.has("finished")).toBe('{"result":"failed"}');
      const log = outline(await scene.archive("refused")).join("\n");
      expect(log).toContain(`'${made}': the file belongs to another user (uid 0): remove it as root`);
      expect(log).toContain("--ssh-jump-point-path");
      await scene.callbacks.has("teardown");
    }
    await using scene = await createHostedScene(["--ssh-jump-point-path", free], { as });
    await scene.submit({ ...job, job_id: "passes" });
    expect(await scene.callbacks.has("finished")).toBe('{"result":"passed"}');
    expect(readFileSync(free, "utf8")).toStartWith("#!/bin/bash\n");
    await scene.archive("passes");
    await scene.callbacks.has("teardown");
  },
);
