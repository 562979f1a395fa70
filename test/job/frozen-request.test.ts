import { expect, test } from "bun:test";
import { environmentVariable } from "../../src/testing/index.ts";
import { commands, runJob } from "./fixtures.ts";

test.each(["job:start", "command:end", "job:end"] as const)(
  "a plugin cannot change the job request in %s",
  async (hook) => {
    const { blocks, logs } = await runJob(
      { commands: commands("print one"), env: [environmentVariable("A", "x")] },
      {
        setup: (ctx) =>
          ctx.hook(hook, ({ job }) => {
            expect(() => (job.env as unknown[]).push(environmentVariable("B", "y"))).toThrow(TypeError);
            expect(() => Object.assign(job.env[0]!, { value: "" })).toThrow(TypeError);
            (job as { name: string }).name = "another";
          }),
      },
    );
    const shown = [...blocks, ...logs.map(({ message }) => message)].join("\n");
    expect(shown).toContain(`plugin "listener" failed in ${hook}: Attempted to assign to readonly property.`);
  },
);
