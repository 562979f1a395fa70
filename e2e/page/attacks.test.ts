import { expect, test } from "bun:test";
import { hasBrowser } from "../support/browser.ts";
import { createPageScene, shows, showsRow } from "./scene.ts";

const script = `<img src=x onerror="alert(1)"><script>alert(2)</script><svg onload=alert(3)>`;

test.skipIf(!hasBrowser)("scripts in output, directives and names are text", async () => {
  await using p = await createPageScene();
  await p.scene.readyAgent();
  const id = await p.scene.hub.submit({
    name: script,
    env: { SEMAPHORE_PROJECT_NAME: script, SEMAPHORE_GIT_BRANCH: script, "<b>NAME</b>": "x" },
    commands: [
      `echo '${script.replaceAll("'", "")}'; echo 'javascript:alert(4)'; printf '\\033]8;;javascript:alert(5)\\007link\\033]8;;\\007\\n'`,
      `: '${script}'; false`,
    ],
  });
  await p.scene.hub.done(id);
  const page = await p.open();
  await shows(page, script);
  await page.getByRole("link", { name: script }).click();
  await page.getByRole("heading", { name: script }).waitFor();
  await page.keyboard.press("o");
  await page.keyboard.press("/");
  await page.keyboard.type("onerror");
  await page.keyboard.press("Enter");
  await shows(page, /^1 of \d/);
  await page.locator(".log").focus();
  await page.keyboard.press("g");
  await showsRow(page, "<svg onload");
  expect(
    await page
      .locator("main img, main script, main [onload], main [onerror], main svg:not(.lane > svg)")
      .count(),
  ).toBe(0);
  expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
  expect(p.browser.faults).toEqual([]);
});

test.skipIf(!hasBrowser)("a page of another origin reads nothing and does nothing", async () => {
  await using p = await createPageScene();
  const id = await p.scene.hub.submit({ name: "stays", commands: ["true"] });
  // The user of this browser is signed in.
  const own = await p.open();
  await using other = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response("<p>another page</p>", { headers: { "Content-Type": "text/html" } }),
  });
  const page = await own.context().newPage();
  await page.goto(`http://localhost:${other.port}/`);
  const tried = await page.evaluate(
    async ([url, job]) => {
      const attempt = async (path: string, init: RequestInit) => {
        try {
          return await (await fetch(`${url}${path}`, init)).text();
        } catch {
          return "refused";
        }
      };
      return [
        await attempt("/api/overview", { credentials: "include" }),
        await attempt(`/api/jobs/${job}/stop`, { method: "POST", credentials: "include" }),
        await attempt(`/api/jobs/${job}/stop`, { method: "POST", mode: "no-cors", credentials: "include" }),
      ];
    },
    [p.url, id] as const,
  );
  expect(tried).toEqual(["refused", "refused", "refused"]);
  expect(await p.scene.hub.job(id)).toMatchObject({ state: "queued" });
  // A script of this browser, as text: these tests know no DOM.
  const framed = await page.evaluate(`(async () => {
    const frame = document.createElement("iframe");
    frame.src = ${JSON.stringify(`${p.url}/`)};
    document.body.append(frame);
    await new Promise((resolve) => frame.addEventListener("load", resolve));
    return frame.contentDocument === null;
  })()`);
  expect(framed).toBe(true);
});

test("a name that resolves to this host, a missing token and a read token do nothing", async () => {
  await using p = await createPageScene();
  const id = await p.scene.hub.submit({ name: "stays", commands: ["true"] });
  const stop = async (headers: Record<string, string>) =>
    (await p.call("POST", `/api/jobs/${id}/stop`, { headers })).status;
  expect(await stop({})).toBe(401);
  expect(await stop({ Authorization: "Bearer token-to-look-8d20" })).toBe(403);
  expect(await stop({ Authorization: "Bearer token-of-the-page-51c7", Host: "rebound.example" })).toBe(403);
  expect((await p.call("GET", "/api/overview", { headers: { Host: "rebound.example" } })).status).toBe(403);
  expect(await p.scene.hub.job(id)).toMatchObject({ state: "queued" });
});
