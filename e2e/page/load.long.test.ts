import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { readCpu, readMemory } from "../../bench/proc.ts";
import { hasBrowser } from "../support/browser.ts";
import { until } from "../support/jobs.ts";
import { createPageScene, rowsOf, shows, showsRow } from "./scene.ts";

const browserTest = test.skipIf(!hasBrowser);

browserTest("ten slots are shown, and each of their ten jobs is followed", async () => {
  await using p = await createPageScene();
  const { hub } = p.scene;
  await p.scene.readyAgent(["--slots", "10", "--page-listen", "127.0.0.1:49822"]);
  const ids = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      hub.submit({
        name: `job ${index}`,
        commands: [`i=0; while :; do i=$((i+1)); echo job ${index} beat $i; sleep 0.1; done`],
      }),
    ),
  );
  const overview = await p.browser.open("http://127.0.0.1:49822/");
  await until("ten running slots", async () => {
    const states = await overview.locator(".agents .state").allInnerTexts();
    return states.length === 10 && states.every((state) => state.includes("running"));
  });
  for (const [index, id] of ids.entries()) {
    const page = await p.browser.open(`http://127.0.0.1:49822/jobs/${id}`);
    await showsRow(page, `job ${index} beat`);
    await page.getByRole("img", { name: /^CPU: peak/ }).waitFor();
    await page.context().close();
  }
  await Promise.all(ids.map((id) => hub.stopJob(id)));
  await until("ten stopped jobs", async () => {
    const states = await overview.locator(".jobs .state").allInnerTexts();
    return states.filter((state) => state.includes("stopped")).length === 10;
  });
  expect(p.browser.faults).toEqual([]);
});

/** A client that follows a job, and reads all, or nothing after the first bytes. */
function follow(port: number, id: string, isReading: boolean): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect(port, "127.0.0.1", () =>
    socket.write(`GET /api/jobs/${id}/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`),
  );
  socket.on("error", reject);
  socket.on("data", () => {
    resolve(socket);
    if (!isReading) socket.pause();
  });
  return promise;
}

test("a thousand followers, of whom half read nothing, cost the agent at most 64 MB", async () => {
  await using p = await createPageScene();
  const { hub } = p.scene;
  const port = 49_823;
  const agent = await p.scene.readyAgent(["--page-listen", `127.0.0.1:${port}`]);
  /** 200 lines in a tenth of a second, 100 times; prints how long that took. */
  const commands = [
    "begin=$(date +%s%N); for i in $(seq 100); do seq -f 'line %g of a job that prints a lot of text' 200; sleep 0.1; done; echo took $((($(date +%s%N) - begin) / 1000000)) ms",
  ];
  const measure = async (followers: number) => {
    const id = await hub.submit({ commands });
    await hub.shows(id, "line 2 of");
    const begun = { cpu: readCpu(agent.pid), memory: readMemory(agent.pid).pss };
    const sockets: Socket[] = [];
    let most = begun.memory;
    const timer = setInterval(() => (most = Math.max(most, readMemory(agent.pid).pss)), 250);
    for (let index = 0; index < followers; index += 50)
      sockets.push(
        ...(await Promise.all(Array.from({ length: 50 }, (_, each) => follow(port, id, each % 2 === 0)))),
      );
    await hub.done(id);
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
    const took = Number(/took (\d+) ms/.exec(JSON.stringify(await hub.log(id)))?.[1]);
    return { took, most, cpu: readCpu(agent.pid) - begun.cpu };
  };
  await measure(0);
  const alone = await measure(0);
  const followed = await measure(1000);
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  console.log(
    `without followers: job ${alone.took} ms, agent ${mb(alone.most)}, CPU ${Math.round(alone.cpu)} ms; with 1000: job ${followed.took} ms, agent ${mb(followed.most)}, CPU ${Math.round(followed.cpu)} ms`,
  );
  expect(followed.took).toBeGreaterThan(0);
  expect(followed.most - alone.most).toBeLessThan(64e6);
});

browserTest("ten thousand lines a second are followed, and the longest task is reported", async () => {
  await using p = await createPageScene();
  await p.scene.readyAgent(["--page-listen", "127.0.0.1:49824"]);
  const page = await p.browser.open("http://127.0.0.1:49824/");
  await page.addInitScript(`
    globalThis.tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ entryTypes: ["longtask"] });
  `);
  const id = await p.scene.hub.submit({
    commands: [
      "for i in $(seq 200); do seq -f 'line %.0f of a flood, \\033[32mwith\\033[0m https://a.link/%g' $((i * 1000)) $((i * 1000 + 999)); sleep 0.1; done; echo the last",
    ],
  });
  await p.scene.hub.shows(id, "of a flood");
  await page.goto(`http://127.0.0.1:49824/jobs/${id}`);
  await until("rows", async () => (await rowsOf(page)).length > 5);
  await page.evaluate("tasks.length = 0");
  // Used while it floods: folded, searched, scrolled, followed again.
  for (const key of ["o", "o", "t", "w", "g", "G", "f"]) {
    await page.locator(".log").focus();
    await page.keyboard.press(key);
    await Bun.sleep(700);
  }
  await p.scene.hub.done(id);
  await showsRow(page, "the last");
  await shows(page, "passed");
  const tasks = await page.evaluate<number[]>("tasks");
  const longest = Math.max(0, ...tasks);
  console.log(`tasks over 50 ms: ${tasks.length}, the longest ${Math.round(longest)} ms (target: 200 ms)`);
  expect(p.browser.faults).toEqual([]);
});
