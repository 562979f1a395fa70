// Makes the screenshots of `docs/page.md`: `bun e2e/page/screenshots.ts [<directory>]`, with the built program and
// Debian's Chromium. Without a directory it writes those that the page shows.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { BrowserContextOptions } from "playwright-core";
import { signIn } from "../support/browser.ts";
import { root } from "../support/fixtures.ts";
import { createPageScene, type PageScene, token } from "./scene.ts";

const wide = { width: 1200, height: 720 };
const phone = { width: 390, height: 780 };
const looks: Readonly<Record<string, BrowserContextOptions>> = {
  light: { viewport: wide, colorScheme: "light" },
  dark: { viewport: wide, colorScheme: "dark" },
  "light-phone": { viewport: phone, colorScheme: "light" },
  "dark-phone": { viewport: phone, colorScheme: "dark" },
};
/** Those in the docs. */
const kept = new Set(["overview-light", "failed-light", "running-dark", "failed-dark-phone"]);

const agentUrl = "http://127.0.0.1:49825";

const directory = process.argv[2] ?? path.join(root, "docs", "images");
await mkdir(directory, { recursive: true });
await using scene = await createPageScene();
const jobs = await runJobs(scene);
for (const [look, options] of Object.entries(looks)) {
  for (const [name, place] of Object.entries({ overview: "/", ...jobs })) {
    if (process.argv[2] === undefined && !kept.has(`${name}-${look}`)) continue;
    // What jobs used is on the agent's page, which needs no token here.
    const isOverview = name === "overview";
    const page = await scene.browser.open(`${isOverview ? scene.url : agentUrl}${place}`, options);
    if (isOverview) await signIn(page, token);
    await page
      .locator(isOverview ? ".jobs" : ".row")
      .first()
      .waitFor();
    await page.waitForLoadState("networkidle", { timeout: 1000 }).catch(() => {});
    await page.screenshot({ path: path.join(directory, `page-${name}-${look}.png`) });
    await page.context().close();
  }
}

/** Runs a job of each kind. Returns their paths. */
async function runJobs({ scene: { hub, readyAgent } }: PageScene): Promise<Record<string, string>> {
  await readyAgent(["--slots", "2", "--page-listen", new URL(agentUrl).host]);
  const submit = (name: string, branch: string, commands: readonly string[]) =>
    hub.submit({ name, env: { SEMAPHORE_PROJECT_NAME: "shop", SEMAPHORE_GIT_BRANCH: branch }, commands });
  const failed = await submit("unit tests", "main", [
    "echo Cloning into shop; head -c 80000000 /dev/urandom >shop.pack; sync shop.pack; sleep 1",
    'for i in $(seq 1 400); do echo "GET https://packages.example/part-$i 200"; done; a=$(head -c 60000000 /dev/zero | tr "\\0" x); sleep 2; unset a; sleep 2',
    "cat() { for i in $(seq 1 38); do printf '\\033[32m✓\\033[0m cart adds item %s \\033[2m(%s ms)\\033[0m\\n' $i $((i * 7 % 23)); done; }; cat",
    "npm() { printf '\\033[31;1m✗ checkout charges the card\\033[0m\\n\\n  Expected: \\033[32m200\\033[0m\\n  Received: \\033[31m500\\033[0m\\n\\n    at pay (src/pay.ts:41:9), see https://docs.example/errors#500\\n'; return 1; }; npm test",
  ]);
  const passed = await submit("build", "feature/cart", ["echo compiled 214 files"]);
  await Promise.all([hub.done(failed), hub.done(passed)]);
  const stopped = await submit("deploy to staging", "main", ["echo waiting for approval", "sleep 600"]);
  await hub.shows(stopped, "waiting for approval");
  await hub.stopJob(stopped);
  await hub.done(stopped);
  const running = await submit("integration tests", "main", [
    "echo started 3 services; sleep 2",
    'i=0; while :; do i=$((i+1)); echo "request $i answered in $((i * 13 % 90)) ms"; sleep 0.1; done',
  ]);
  await submit("lint", "main", ["sleep 600"]);
  await submit("package", "main", ["true"]);
  await hub.shows(running, "request 40 ");
  const toPath = (id: string) => `/jobs/${id}`;
  return {
    failed: toPath(failed),
    passed: toPath(passed),
    stopped: toPath(stopped),
    running: toPath(running),
  };
}
