import { expect, test } from "bun:test";
import { hasBrowser } from "../support/browser.ts";
import { until } from "../support/jobs.ts";
import { createPageScene, pageOf, shows, showsRow } from "./scene.ts";

const browserTest = test.skipIf(!hasBrowser);

browserTest("agents, queue and jobs are shown live, and filtered by the URL", async () => {
  await using p = await createPageScene();
  const { hub } = p.scene;
  const page = await p.open();
  await shows(page, "No agent is registered.");
  const first = await hub.submit({ name: "unit tests", commands: ["exit 3"] });
  const second = await hub.submit({ name: "build", commands: ["true"] });
  await shows(page, "place 2 in the queue");
  await p.scene.readyAgent();
  await Promise.all([hub.done(first), hub.done(second)]);
  await page.locator("tr", { hasText: "unit tests" }).getByText("failed").waitFor();
  await page.locator("tr", { hasText: "build" }).getByText("passed").waitFor();

  await page.getByLabel("Filter by result").selectOption("failed");
  expect(page.url()).toEndWith("/?result=failed");
  expect(await page.locator("tbody tr").allInnerTexts()).toEqual([expect.stringContaining("unit tests")]);
  await page.reload();
  await shows(page, "unit tests");
  expect(await page.locator("tbody tr").count()).toBe(1);
  await page.keyboard.press("/");
  await page.keyboard.type("nothing");
  await shows(page, "No job matches the filters.");
  expect(p.browser.faults).toEqual([]);
});

browserTest("a job is submitted, stopped and run again, and an agent is shut down", async () => {
  await using p = await createPageScene();
  await p.scene.readyAgent();
  const page = await p.open();
  await page.getByRole("button", { name: "Submit a job" }).click();
  await page.getByLabel("Job file").fill("commands: 5");
  await page.getByRole("button", { name: "Submit", exact: true }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Job file").fill('name: waits\ncommands: ["echo here", "sleep 600"]');
  await page.getByRole("button", { name: "Submit", exact: true }).click();
  await page.getByRole("heading", { name: "waits" }).waitFor();
  await showsRow(page, "sleep 600");
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await shows(page, 'Stop job "waits"?');
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
  await page.locator(".heading .state", { hasText: "stopped" }).waitFor();
  const before = page.url();
  await page.getByRole("button", { name: "Retry" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Retry" }).click();
  await until("another job is shown", async () => page.url() !== before);
  await page.getByRole("link", { name: "Signalman" }).click();
  await page.getByRole("button", { name: "Shut down" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Shut down" }).click();
  await shows(page, "No agent is registered.");
  expect(p.browser.faults).toEqual([]);
});

browserTest("an agent has a page of its own, which only shows", async () => {
  await using p = await createPageScene();
  const agent = await p.scene.readyAgent(["--page-listen", "127.0.0.1:0"]);
  const url = await pageOf(agent);
  const id = await p.scene.hub.submit({ name: "shown by its agent", commands: ["echo from the agent"] });
  await p.scene.hub.done(id);
  const page = await p.browser.open(url);
  await page.getByRole("link", { name: "shown by its agent" }).click();
  await shows(page, "passed");
  await page.keyboard.press("o");
  await showsRow(page, "from the agent");
  expect(await page.getByRole("button", { name: /Stop|Retry|Sign/ }).count()).toBe(0);
  await shows(page, "CPU time");
});
