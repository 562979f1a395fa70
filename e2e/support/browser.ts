import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Debian's Chromium. No browser is downloaded. */
const executable = "/usr/bin/chromium";

/** Whether this machine has a browser for tests. */
export const hasBrowser = existsSync(executable);

/** A browser with one page after another. Disposal closes it. */
export interface TestBrowser extends AsyncDisposable {
  /** Opens a page in a context of its own: without the cookies of others. */
  open(url: string, options?: BrowserContextOptions): Promise<Page>;
  /** What the pages have reported: errors, refused scripts, and dialogs that a script has opened. */
  readonly faults: readonly string[];
}

export async function startBrowser(): Promise<TestBrowser> {
  const browser: Browser = await chromium.launch({
    executablePath: executable,
    // Tests run as root, and often in containers without a large /dev/shm.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  const faults: string[] = [];
  return {
    faults,
    async open(url, options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
      context.setDefaultTimeout(60_000);
      const page = await context.newPage();
      page.on("pageerror", ({ message }) => faults.push(message));
      page.on("dialog", (dialog) => {
        faults.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on("console", (message) => {
        if (/Content Security Policy/.test(message.text())) faults.push(message.text());
      });
      await page.goto(url);
      return page;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

/** Enters a token. */
export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}
