import { expect, test } from "bun:test";
import { filesOf, textOf } from "../project.ts";

/**
 * Code that adds a listener to a signal, which keeps it for as long as the signal or one of its sources
 * lives.
 */
const adding = /addEventListener\(\s*["']abort["']|(?<!\.)\bonce\(\s*\w*[sS]ignal\w*\s*,|\.onabort\b/;

test("listeners of signals are added by `onAbort` only, which can take them back", () => {
  const files = filesOf("src/**/*.ts", "plugins/**/*.ts", "docs/examples/**/*.ts").filter(
    (file) => !/\.test\.ts$|\/testing\//.test(file) && file !== "src/core/aborted.ts",
  );
  expect(files.filter((file) => adding.test(textOf(file)))).toEqual([]);
  expect(files.length).toBeGreaterThan(300);
});

test("every way to add a listener is found", () => {
  for (const line of [
    'signal.addEventListener("abort", stop, { once: true });',
    'stop?.addEventListener(\n  "abort",\n  end,\n);',
    'await once(signal, "abort");',
    "signal.onabort = stop;",
  ])
    expect(adding.test(line)).toBe(true);
});
