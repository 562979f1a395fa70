import { expect, test } from "bun:test";
import type { JobHookEvent } from "../../src/index.ts";
import { commands, runJob } from "./fixtures.ts";

test.each(["job:start", "job:prepare"] as const)(
  "a listener of %s that does not return is awaited until the grace period of a stop, which aborts its signal",
  async (hook) => {
    let isAborted = false;
    const listen = async ({ log, signal }: JobHookEvent): Promise<void> => {
      signal.addEventListener("abort", () => (isAborted = true));
      await log.command("waiting", () => 0);
      await new Promise(() => {});
    };
    const { summary, logs, events } = await runJob(
      { commands: commands("print never") },
      { settings: { stopGraceMs: 20 }, stopAt: "waiting", setup: (ctx) => ctx.hook(hook, listen) },
    );
    expect(summary.result).toBe("stopped");
    expect(events.at(-1)).toMatchObject({ event: "job_finished", result: "stopped" });
    expect(logs.map(({ message }) => message)).toContain(
      `${hook} is no longer awaited, since the job was stopped: a plugin had not returned from ${hook}`,
    );
    expect(JSON.stringify(events)).toContain(`[signalman: a plugin had not returned from ${hook}]`);
    expect(JSON.stringify(events)).not.toContain("never");
    expect(isAborted).toBe(true);
  },
);
