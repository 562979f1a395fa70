import { expect, test } from "bun:test";
import { source as axe } from "axe-core";
import type { Page } from "playwright-core";
import { hasBrowser, signIn } from "../support/browser.ts";
import { until } from "../support/jobs.ts";
import { createPageScene, shows, token } from "./scene.ts";

interface AxeResults {
  readonly passes: readonly unknown[];
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

/** Lists what axe finds: its rule, and the elements. */
async function findViolations(page: Page): Promise<string[]> {
  // Through the debugger: the page itself runs no script of others.
  await page.evaluate(axe);
  const { passes, violations } = await page.evaluate<AxeResults>("axe.run(document)");
  expect(passes.length).toBeGreaterThan(5);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

test.skipIf(!hasBrowser).each(["light", "dark"] as const)(
  "axe finds no violation in the %s theme: overview, jobs, dialogs, signing in",
  async (colorScheme) => {
    await using p = await createPageScene();
    const { hub } = p.scene;
    await p.scene.readyAgent(["--page-listen", "127.0.0.1:49820"]);
    const colours = 'for i in $(seq 30 37) $(seq 90 97); do printf "\\033[${i}mcolour\\033[0m "; done; echo';
    const failed = await hub.submit({
      name: "fails",
      env: { SEMAPHORE_PROJECT_NAME: "shop" },
      commands: [
        "sleep 3",
        `${colours}; ${"echo a long command; ".repeat(6)} printf '\\033[2mdim\\033[0m https://docs.example\\n'; false`,
      ],
    });
    const passed = await hub.submit({ name: "passes", commands: ["true"] });
    await Promise.all([hub.done(failed), hub.done(passed)]);
    const running = await hub.submit({ name: "runs", commands: ["echo here; sleep 600"] });
    await hub.shows(running, "here");
    await hub.submit({ name: "waits", commands: ["true"] });

    const looks = [
      { width: 1280, height: 800 },
      { width: 390, height: 780 },
    ].map((viewport) => ({
      viewport,
      colorScheme,
    }));
    for (const look of looks) {
      const page = await p.browser.open(p.url, look);
      await shows(page, "Token");
      expect(await findViolations(page)).toEqual([]);
      await signIn(page, token);
      await shows(page, "place 1 in the queue");
      expect(await findViolations(page)).toEqual([]);
      await page.getByRole("button", { name: "Submit a job" }).click();
      expect(await findViolations(page)).toEqual([]);
      await page.keyboard.press("Escape");
      for (const id of [failed, passed, running]) {
        await page.goto(`${p.url}/jobs/${id}`);
        await page.locator(".row").first().waitFor();
        expect(await findViolations(page)).toEqual([]);
      }
      await page.getByRole("button", { name: "Stop", exact: true }).click();
      expect(await findViolations(page)).toEqual([]);

      const agent = await p.browser.open(`http://127.0.0.1:49820/jobs/${failed}`, look);
      await agent.getByRole("img", { name: /^Memory/ }).waitFor();
      await agent.getByRole("button", { name: "Show the whole command" }).first().click();
      expect(await findViolations(agent)).toEqual([]);
      await agent.keyboard.press("Escape");
      await until("the dialog is closed", async () => (await agent.getByRole("dialog").count()) === 0);
      await agent.keyboard.press("t");
      await agent.keyboard.press("/");
      await agent.keyboard.type("o");
      await agent.keyboard.press("Enter");
      await agent.locator(".hits li").first().waitFor();
      expect(await findViolations(agent)).toEqual([]);
      await agent.getByRole("button", { name: "Keyboard shortcuts" }).click();
      expect(await findViolations(agent)).toEqual([]);
    }
    expect(p.browser.faults).toEqual([]);
  },
);
