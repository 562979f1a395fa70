import { expect, test } from "bun:test";
import { createScene } from "../support/agents.ts";
import { hasBrowser, startBrowser } from "../support/browser.ts";
import { containerJob, testEngine, useTestEngine } from "../support/containers.ts";
import { pageOf, showsMemory, stepsOf } from "../page/scene.ts";

useTestEngine();

test.skipIf(!hasBrowser)(
  "the page of an agent shows what a job in a container uses, and what it waited for",
  async () => {
    const { host } = await testEngine();
    await using scene = await createScene();
    await using browser = await startBrowser();
    const agent = await scene.readyAgent(["--page-listen", "127.0.0.1:0"], { env: { DOCKER_HOST: host } });
    // Keeps 100 MiB, and a core busy.
    const command = "a=$(head -c 100000000 /dev/zero | tr '\\0' x); while :; do :; done";
    const id = await scene.hub.submit(containerJob([command]));
    const page = await browser.open(`${await pageOf(agent)}/jobs/${id}`);
    await showsMemory(page, 95);
    await page.getByRole("img", { name: /^CPU: peak (0\.[2-9]|[1-9])/ }).waitFor();
    await page.getByRole("img", { name: /^Storage: peak/ }).waitFor();
    await scene.hub.stopJob(id);
    await scene.hub.done(id);
    await page.locator(".heading .state", { hasText: "stopped" }).waitFor();
    const steps = await stepsOf(page);
    expect(steps).toContainEqual(expect.stringMatching(/^Pulling docker images\.\.\., images /));
    expect(steps).toContainEqual(
      expect.stringMatching(/^Starting the docker image\.\.\., executor: start and end /),
    );
    expect(browser.faults).toEqual([]);
  },
  120_000,
);
