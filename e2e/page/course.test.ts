import { expect, test } from "bun:test";
import { hasBrowser } from "../support/browser.ts";
import { until } from "../support/jobs.ts";
import { createPageScene, pageOf, rowsOf, shows, showsMemory, showsRow, stepsOf } from "./scene.ts";

const browserTest = test.skipIf(!hasBrowser);

browserTest("what a running job uses is drawn under its log, and read by keyboard", async () => {
  await using p = await createPageScene();
  await p.scene.readyAgent(["--page-listen", "127.0.0.1:49819"]);
  const gate = `${p.scene.tester.home}/gate`;
  const id = await p.scene.hub.submit({
    name: "uses much",
    commands: [
      // Keeps 200 MiB, and a core busy.
      `a=$(head -c 200000000 /dev/zero | tr '\\0' x); while [ ! -e ${gate} ]; do :; done; echo opened`,
      "exit 3",
    ],
  });
  const page = await p.browser.open(`http://127.0.0.1:49819/jobs/${id}`);
  await page.getByRole("img", { name: /^CPU: peak/ }).waitFor();
  // It grows while it is looked at.
  await showsMemory(page, 180);
  await p.scene.tester.write("gate", "");
  await p.scene.hub.done(id);
  await showsRow(page, "opened");

  const slider = page.getByRole("slider", { name: "Time" });
  await slider.focus();
  await page.keyboard.press("End");
  expect(await slider.getAttribute("aria-valuenow")).toBe("100");
  await page.keyboard.press("PageDown");
  await page.keyboard.press("ArrowLeft");
  expect(await slider.getAttribute("aria-valuetext")).toMatch(/, at .*, CPU [\d.]+, [\d.]+ .iB, .*\/s$/);
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowUp");
  while (!(await slider.getAttribute("aria-valuetext"))!.startsWith("Exporting"))
    await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await showsRow(page, "Exporting environment variables");
  // Blocks have exact times, which the log has not.
  await shows(page, /passed, 0\.\d s/);

  // It is kept with the log.
  const again = await p.browser.open(`http://127.0.0.1:49819/jobs/${id}`);
  await again.getByRole("img", { name: /^Memory: peak [1-9]\d\d MiB/ }).waitFor();
  expect(p.browser.faults).toEqual([]);
});

browserTest("waits, hooks, the executor and what failed have bars of their own", async () => {
  await using p = await createPageScene();
  const { tester, hub } = p.scene;
  const [before, after] = await Promise.all(
    ["before", "after"].map((name) => tester.write(name, `echo ${name}; sleep 1\n`)),
  );
  const id = await hub.submit({ commands: ["sleep 2", "(exit 3)"] });
  await Bun.sleep(1500);
  const hooks = ["--pre-job-hook-path", before!, "--post-job-hook-path", after!];
  const running = await p.scene.readyAgent(["--page-listen", "127.0.0.1:0", ...hooks]);
  await hub.done(id);
  const agent = await p.browser.open(`${await pageOf(running)}/jobs/${id}`);
  await agent.locator(".strip path.bar-hook").waitFor();
  const steps = await stepsOf(agent);
  expect(steps.filter((step) => !/ 0\.\d s$| < 1 s$/.test(step))).toEqual([
    expect.stringMatching(/^Running the pre-job hook .*, plugins and hooks 1\.\d s$/),
    expect.stringMatching(/^sleep 2, commands 2\.\d s$/),
    expect.stringMatching(/^Running the post-job hook .*, plugins and hooks 1\.\d s$/),
  ]);
  expect(steps).toContainEqual(expect.stringMatching(/^\(exit 3\), failed /));
  expect(steps).toContainEqual(expect.stringMatching(/^start of the executor, executor: start and end /));
  expect(steps).toContainEqual(expect.stringMatching(/^Exporting environment variables, agent /));
  await agent.getByRole("list", { name: "Time of the steps by kind" }).getByText("failed").waitFor();

  // A hub knows when the job was queued, and the rest by the titles of the log.
  const page = await p.open(`/jobs/${id}`);
  await page.locator(".strip path.bar-hook").waitFor();
  const [wait, ...others] = await stepsOf(page);
  expect(wait).toMatch(/^in the queue, waiting \d/);
  expect(others).toContainEqual(expect.stringMatching(/^sleep 2, commands \d s$/));
  expect(others).toContainEqual(expect.stringMatching(/^\(exit 3\), failed /));
  expect(p.browser.faults).toEqual([]);
});

browserTest("a hub has the time line of commands, and says who has the rest", async () => {
  await using p = await createPageScene();
  await p.scene.readyAgent();
  const long = `work() { ${Array.from({ length: 40 }, (_, index) => `echo line-${index}`).join("\n")}\n}\nwork`;
  const id = await p.scene.hub.submit({ commands: [long] });
  await p.scene.hub.done(id);
  const page = await p.open(`/jobs/${id}`);
  await shows(page, "The page of the agent has CPU, memory and storage over time.");
  await page.locator(".strip path.bar-command").waitFor();

  // A command of many lines is one line, and the whole of it is shown on demand.
  const row = page.locator(".row.command", { hasText: "work()" });
  expect((await row.boundingBox())!.height).toBeLessThan(25);
  await row.getByRole("button", { name: "Show the whole command" }).click();
  expect(await page.getByRole("dialog").locator("pre").innerText()).toBe(long);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  // Nothing was recorded by an agent without a page.
  const files = Array.from(new Bun.Glob("**/timeline.ndjson").scanSync(p.scene.stateDirectory));
  expect(files).toEqual([]);
  expect(p.browser.faults).toEqual([]);
});

browserTest(
  "the page goes on when the agent hands its job over to another process, as in an upgrade",
  async () => {
    await using p = await createPageScene();
    const args = ["--page-listen", "127.0.0.1:49821"];
    const agent = await p.scene.readyAgent(args);
    const id = await p.scene.hub.submit({
      commands: ["i=0; while :; do i=$((i+1)); echo beat $i; sleep 0.1; done"],
    });
    const page = await p.browser.open(`http://127.0.0.1:49821/jobs/${id}`);
    await showsRow(page, "beat");
    const memory = page.getByRole("img", { name: /^Memory: peak/ });
    await memory.waitFor();
    const drawn = async () => (await memory.locator(".line").getAttribute("d"))!.split("L").length;
    agent.kill("SIGUSR2");
    await agent.finished;
    await shows(page, "No connection since");
    const before = await drawn();
    await p.scene.readyAgent(args);
    await page.getByText("No connection since").waitFor({ state: "detached" });
    const count = async () => Number(/beat (\d+)/.exec((await rowsOf(page)).at(-1) ?? "")?.[1]);
    const last = await count();
    await until("further rows", async () => (await count()) > last);
    // The job's process recorded it meanwhile.
    await until("further samples", async () => (await drawn()) > before + 2);
    await p.scene.hub.stopJob(id);
    await page.locator(".heading .state", { hasText: "stopped" }).waitFor();
    expect(p.browser.faults).toEqual([]);
  },
);
