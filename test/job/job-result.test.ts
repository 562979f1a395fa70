import { describe, expect, test } from "bun:test";
import type { Output } from "../../src/core/contracts/job-log.ts";
import { createDummyExecutor } from "../../src/testing/index.ts";
import { commands, runJob } from "./fixtures.ts";

/** Runs a job that exits with 130 and whose executor prints its result in this way. */
async function runPrinting(print: (output: Output) => void) {
  const { summary, blocks } = await runJob(
    { commands: commands("exit 130"), files: [] },
    {
      executor: {
        create(context) {
          const dummy = createDummyExecutor(context);
          return {
            ...dummy,
            async run(directive, output, options) {
              if (!options?.silent) return dummy.run(directive, output, options);
              print(output);
              return 0;
            },
          };
        },
      },
    },
  );
  return { result: summary.result, shown: blocks.at(-1) ?? "" };
}

describe("the result that a job sets", () => {
  test("is read whole, wherever its characters are cut", async () => {
    const { shown } = await runPrinting((output) => {
      for (const byte of Buffer.from("gebrüllt €\n")) output(Uint8Array.of(byte));
    });
    expect(shown).toContain("SEMAPHORE_JOB_RESULT is set to 'gebrüllt €'");
  });

  test("is read up to 64 KiB, also in one piece", async () => {
    const { result, shown } = await runPrinting((output) => output(Buffer.alloc(1024 * 1024, "x")));
    expect(result).toBe("stopped");
    expect(/'(x+)'/.exec(shown)?.[1]).toHaveLength(64 * 1024);
  });
});
