import { expect, test } from "bun:test";
import { hasBrowser, startBrowser } from "../support/browser.ts";
import { pageOf, shows, showsMemory, stepsOf } from "../page/scene.ts";
import { createPodScene } from "./agents.ts";
import { podSpec } from "./namespaces.ts";

test.skipIf(!hasBrowser)(
  "the page of an agent shows what a job in a pod uses, the limits of its template, and what it waited for",
  async () => {
    await using pods = await createPodScene();
    await using browser = await startBrowser();
    const limits = "resources: { limits: { memory: 384Mi, cpu: 500m } }";
    await pods.namespace.apply(podSpec("small", { mainContainer: limits }));
    const agent = await pods.start(["--page-listen", "127.0.0.1:0", "--kubernetes-pod-spec", "small"]);
    // Keeps 100 MiB, and half a core busy.
    const command = "a=$(head -c 100000000 /dev/zero | tr '\\0' x); while :; do :; done";
    const id = await pods.scene.hub.submit({ commands: [command] });
    const page = await browser.open(`${await pageOf(agent)}/jobs/${id}`);
    await showsMemory(page, 95);
    await page.getByRole("img", { name: /^CPU: peak 0\.\d+ of 0\.5/ }).waitFor();
    await shows(page, "384 MiB memory, 0.5 CPUs");
    await shows(page, "The job's executor does not measure storage.");
    await pods.scene.hub.stopJob(id);
    expect(await pods.result(id)).toBe("stopped");
    await page.locator(".heading .state", { hasText: "stopped" }).waitFor();
    const steps = await stepsOf(page);
    expect(steps).toContainEqual(
      expect.stringMatching(/^Creating Kubernetes resources for job\.\.\., executor: start and end /),
    );
    expect(steps).toContainEqual(
      expect.stringMatching(/^Starting shell session\.\.\., executor: start and end /),
    );
    expect(browser.faults).toEqual([]);
  },
  120_000,
);
