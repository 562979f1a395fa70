import { expect, test } from "bun:test";
import { hasBrowser } from "../support/browser.ts";
import { until } from "../support/jobs.ts";
import { createPageScene, rowsOf, showsRow } from "./scene.ts";

test.skipIf(!hasBrowser)(
  "a log of a million lines opens at its end, scrolls anywhere and is searched, in little memory",
  async () => {
    await using p = await createPageScene();
    await p.scene.readyAgent(["--page-listen", "127.0.0.1:49818"]);
    const words = "the quick brown fox jumps over the lazy dog and then it runs away for good";
    const id = await p.scene.hub.submit({ commands: [`seq -f '%.0f ${words}' 1000000; false`] });
    await until("the job is done", async () => (await p.scene.hub.job(id)).isDone);
    // The hub keeps 16 MiB of a log; the agent has all of it.
    const began = performance.now();
    const page = await p.browser.open(`http://127.0.0.1:49818/jobs/${id}`);
    await showsRow(page, "1000000 the quick");
    console.log(
      `opened at its end in ${Math.round(performance.now() - began)} ms, the start of the tab included`,
    );

    await page.locator(".log").focus();
    for (const share of [0, 0.25, 0.5, 0.9]) {
      await page.locator(".log").dispatchEvent("wheel", { deltaY: 1 });
      await page.locator(".log").evaluate((log, part) => {
        log.scrollTop = part * (log.scrollHeight - log.clientHeight);
      }, share);
      await until(`rows at ${share}`, async () => {
        const first = Number(
          /^(\d+) the/.exec((await rowsOf(page)).at(-1) ?? "")?.[1] ?? (share === 0 ? 1 : 0),
        );
        return Math.abs(first - share * 1_000_000) < 2000;
      });
    }
    await page.keyboard.press("/");
    await page.keyboard.type("777777 the");
    await page.keyboard.press("Enter");
    await showsRow(page, "777777 the quick");
    const heap = await page.evaluate(
      () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
    );
    expect(heap).toBeLessThan(200e6);
    expect(await page.locator(".row").count()).toBeLessThan(100);
    expect(p.browser.faults).toEqual([]);
  },
);
