import { expect, test } from "bun:test";
import { hasBrowser } from "../support/browser.ts";
import { until } from "../support/jobs.ts";
import { createPageScene, rowsOf, shows, showsRow } from "./scene.ts";

const browserTest = test.skipIf(!hasBrowser);

browserTest(
  "a failed job opens at the failure, and its log is searched, folded, linked and saved",
  async () => {
    await using p = await createPageScene();
    await p.scene.readyAgent();
    const id = await p.scene.hub.submit({
      commands: [
        "for i in $(seq 2000); do echo preparing $i; done",
        "for i in $(seq 1 700); do echo ok $i; done; printf '\\033[31mthe cause\\033[0m see https://docs.example/1.\\n'; false",
      ],
    });
    await p.scene.hub.done(id);
    const page = await p.open(`/jobs/${id}`);
    await showsRow(page, "the cause");
    await page.getByRole("button", { name: /^exit code 1 from/ }).waitFor();
    expect(await page.locator(".row .f-1").innerText()).toBe("the cause");
    const link = page.locator('.row a[href="https://docs.example/1"]');
    expect(await link.getAttribute("rel")).toBe("noopener noreferrer");

    // The first command has passed, and is folded; a search opens it.
    expect((await rowsOf(page)).some((row) => row.includes("preparing"))).toBe(false);
    await page.keyboard.press("/");
    await page.keyboard.type("preparing 123");
    await page.keyboard.press("Enter");
    await shows(page, "1 of 11");
    await showsRow(page, "preparing 123");
    expect(await page.locator(".hits li").count()).toBe(11);
    await page.locator(".log").focus();
    await page.keyboard.press("n");
    await shows(page, "2 of 11");
    await showsRow(page, "preparing 1230");
    await page.keyboard.press("N");
    await shows(page, "1 of 11");

    // A line has a link, which leads to it.
    const row = page.locator(".row", { hasText: /preparing 123$/ });
    const line = await row.locator(".line").innerText();
    await row.locator(".line").click();
    expect(page.url()).toEndWith(`#L${line}`);
    const linked = await p.open(`/jobs/${id}#L${line}`);
    expect(await linked.locator(".row.current .line").innerText()).toBe(line);

    await page.keyboard.press("t");
    await page.locator(".row .time").first().waitFor();
    await page.keyboard.press("w");
    await page.locator(".log:not(.wrapped)").waitFor();
    await page.keyboard.press("g");
    await showsRow(page, "Exporting environment variables");
    await page.keyboard.press("?");
    await shows(page, "next hit, previous hit");
    await page.keyboard.press("Escape");
    const plain = await (await p.call("GET", `/api/jobs/${id}/plain`)).text();
    expect(plain).toContain("ok 700\nthe cause see https://docs.example/1.\n");
    expect(p.browser.faults).toEqual([]);
  },
);

browserTest("a running job is followed, and its progress bar is one row", async () => {
  await using p = await createPageScene();
  await p.scene.readyAgent();
  const gate = `${p.scene.tester.home}/gate`;
  const id = await p.scene.hub.submit({
    commands: [
      "for i in $(seq 100); do printf '\\rloading %s%%' $i; done; echo; for i in $(seq 500); do echo row $i; done; while [ ! -e GATE ]; do sleep 0.1; done; echo the last".replaceAll(
        "GATE",
        gate,
      ),
    ],
  });
  const page = await p.open(`/jobs/${id}`);
  await showsRow(page, "row 500");
  await page.locator('button[aria-pressed="true"]', { hasText: "Follow" }).waitFor();
  await p.scene.tester.write("gate", "");
  await p.scene.hub.done(id);
  await showsRow(page, "the last");
  await page.keyboard.press("o");
  await page.keyboard.press("g");
  await until("the bar", async () => (await rowsOf(page)).some((row) => row.trim() === "loading 100%"));
  expect((await rowsOf(page)).filter((row) => row.includes("loading")).map((row) => row.trim())).toEqual([
    expect.stringContaining("for i in"),
    "loading 100%",
  ]);
});

browserTest(
  "the page goes on by itself when the agent is killed and resumes the job, and when the hub returns",
  async () => {
    await using p = await createPageScene();
    const args = ["--page-listen", "127.0.0.1:49817"];
    const agent = await p.scene.readyAgent(args);
    const id = await p.scene.hub.submit({
      commands: [
        "i=0; while [ ! -e done ]; do i=$((i+1)); echo beat $i; sleep 0.1; done; echo finished well",
      ],
    });
    await p.scene.hub.shows(id, "beat 3");
    const page = await p.browser.open(`http://127.0.0.1:49817/jobs/${id}`);
    await showsRow(page, "beat");
    agent.kill("SIGKILL");
    await shows(page, "No connection since");
    await p.scene.readyAgent(args);
    await page.getByText("No connection since").waitFor({ state: "detached" });
    const count = async () => Number(/beat (\d+)/.exec((await rowsOf(page)).at(-1) ?? "")?.[1]);
    const before = await count();
    await until("further rows", async () => (await count()) > before);
    await p.scene.hub.stopJob(id);
    await page.locator(".heading .state", { hasText: "stopped" }).waitFor();
    expect(p.browser.faults).toEqual([]);
  },
);

browserTest("binary output is shown without its control characters", async () => {
  await using p = await createPageScene();
  await p.scene.readyAgent();
  const id = await p.scene.hub.submit({
    commands: ["head -c 100000 /dev/urandom; printf '\\000\\033[2J\\033]0;title\\007clean\\n'"],
  });
  await p.scene.hub.done(id);
  const page = await p.open(`/jobs/${id}#L3`);
  await page.locator(".row").first().waitFor();
  await page.keyboard.press("G");
  await showsRow(page, "clean");
  expect(await page.title()).toContain("passed");
  expect(p.browser.faults).toEqual([]);
});
