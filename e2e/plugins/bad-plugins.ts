import path from "node:path";
import { type HookName, hookTable } from "../../src/core/contracts/hooks.ts";
import type { Tester } from "../support/fixtures.ts";

/** What a bad plugin does at its place. */
export const deeds = {
  never: "return new Promise(() => {});",
  spin: "for (;;);",
  throws: 'throw new Error("boom");',
  exits: "process.exit(0);",
  floods: 'for (let line = 0; line < 20_000; line++) console.log("flood of a plugin");',
} as const;

export type Deed = keyof typeof deeds;

/** Where a bad plugin does it. */
export type Place =
  | HookName
  | "load"
  | "admission"
  | "policy in a job"
  | `${"setup" | "timer" | "disposal"}${"" | " in a job"}`;

const uncalled = ["image:pulled", "agent:job-resumed", "agent:paused", "agent:resumed", "agent:interrupted"];

/** The hooks that are called in `run`, in an agent that runs one job and exits, or in both. */
export const hooks = Object.keys(hookTable).filter((name) => !uncalled.includes(name)) as HookName[];

/** The line of the plugin's source that does the deed. */
export const deedLine = 2;

/**
 * Writes a plugin that does the deed at the place, once, and a configuration with it. Returns the
 * configuration's path.
 */
export async function writeBadPlugin(tester: Tester, place: Place, deed: Deed): Promise<string> {
  const once = `if (!existsSync(${JSON.stringify(path.join(tester.home, "done"))})`;
  const isInJob = place.endsWith(" in a job");
  // An agent sets plugins of jobs up and disposes them, to find faults before it registers.
  const here = isInJob ? 'process.argv.includes("job-process") || process.argv.includes("run")' : "true";
  const act = `${once} && (${here})) { writeFileSync(${JSON.stringify(path.join(tester.home, "done"))}, ""); ${deeds[deed]} }`;
  const isHook = Object.hasOwn(hookTable, place);
  const isOfAgent = place === "disposal" || place === "admission";
  const lines = [
    'import { existsSync, writeFileSync } from "node:fs"; import { admission, jobPolicy } from "signalman";',
    `const act = (): unknown => { ${act} };`,
    place === "load" ? (deed === "never" ? "await act();" : "act();") : "",
    "export default {",
    '  name: "bad",',
    isInJob ? '  runsIn: ["job"],' : isOfAgent ? '  runsIn: ["agent"],' : "",
    "  setup(ctx) {",
    place.startsWith("setup") ? "    return act();" : "",
    isHook ? `    ctx.hook("${place}", act);` : "",
    place === "admission" ? '    ctx.provide(admission, "bad", { check: act });' : "",
    place === "policy in a job" ? '    ctx.provide(jobPolicy, "bad", { check: act });' : "",
    place === "timer" ? '    ctx.hook("agent:start", () => void setTimeout(act, 1));' : "",
    place === "timer in a job" ? '    ctx.hook("job:start", () => void setTimeout(act, 1));' : "",
    place.startsWith("disposal") ? "    ctx.defer(act);" : "",
    "  },",
    "};",
  ];
  await tester.write("bad.ts", lines.join("\n"));
  return tester.write("signalman.config.yaml", "plugins: { ./bad.ts: {} }\n");
}
