import type { Page } from "playwright-core";
import { createScene, type Scene } from "../support/agents.ts";
import { signIn, startBrowser, type TestBrowser } from "../support/browser.ts";
import type { Running } from "../support/fixtures.ts";
import { until } from "../support/jobs.ts";

export const token = "token-of-the-page-51c7";
const readToken = "token-to-look-8d20";

export interface PageScene extends AsyncDisposable {
  readonly scene: Scene;
  readonly browser: TestBrowser;
  /** The address of the hub's page. */
  readonly url: string;
  /** Opens a path of the hub's page, signed in. */
  open(path?: string): Promise<Page>;
  /** Calls the API of the hub's page. */
  call(method: string, path: string, init?: RequestInit): Promise<Response>;
}

/** A hub with a page, agents, and a browser. */
export async function createPageScene(): Promise<PageScene> {
  const scene = await createScene({
    hub: ["--page-listen", "127.0.0.1:0", "--page-token", token, "--page-read-token", readToken],
  });
  const browser = await startBrowser();
  const url = await findPage(scene);
  return {
    scene,
    browser,
    url,
    async open(path = "/") {
      const page = await browser.open(`${url}${path}`);
      await signIn(page, token);
      return page;
    },
    call: (method, path, init = {}) =>
      fetch(`${url}${path}`, { method, headers: { Authorization: `Bearer ${token}` }, ...init }),
    async [Symbol.asyncDispose]() {
      await browser[Symbol.asyncDispose]();
      await scene[Symbol.asyncDispose]();
    },
  };
}

async function findPage({ hub }: Scene): Promise<string> {
  const url = /^page: (\S+)$/m.exec(hub.output())?.[1];
  if (url === undefined) throw new Error(`the hub does not print the address of its page: ${hub.output()}`);
  return url;
}

/** Resolves to the address of an agent's page. */
export async function pageOf(agent: Running): Promise<string> {
  await agent.shows("the page of this agent is at ");
  return /the page of this agent is at (\S+)/.exec(agent.stdout)![1]!;
}

/** Resolves when the page's text has a text. */
export async function shows(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).locator("visible=true").first().waitFor();
}

/** Resolves when the page draws that a job has used so much memory at its peak, in MiB. */
export async function showsMemory(page: Page, mebibytes: number): Promise<void> {
  const plot = page.getByRole("img", { name: /^Memory: peak/ });
  await plot.waitFor();
  await until(`a peak of ${mebibytes} MiB`, async () => {
    const [, peak, unit] = /peak ([\d.]+) (.)iB/.exec((await plot.getAttribute("aria-label")) ?? "") ?? [];
    return Number(peak) * (unit === "G" ? 1024 : 1) >= mebibytes;
  });
}

/** What the keyboard reads of the steps of a job that has ended, one after another: `make, commands 2.0 s`. */
export async function stepsOf(page: Page): Promise<string[]> {
  const slider = page.getByRole("slider", { name: "Time" });
  await slider.focus();
  const steps: string[] = [];
  for (let last = ""; ;) {
    await page.keyboard.press("ArrowUp");
    const text = (await slider.getAttribute("aria-valuetext"))!;
    if (text === last) return steps;
    steps.push(text.slice(0, text.search(/, (at|before the start)/)));
    last = text;
  }
}

/** The texts of the rows in view. */
export async function rowsOf(page: Page): Promise<string[]> {
  return page.locator(".row .text").allInnerTexts();
}

/** Resolves when a row in view has a text. */
export async function showsRow(page: Page, text: string): Promise<void> {
  await until(`a row "${text}"`, async () => (await rowsOf(page)).some((row) => row.includes(text)));
}
