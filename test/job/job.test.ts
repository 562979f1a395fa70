import redact from "../../plugins/redact/index.ts";
import { describe, expect, test } from "bun:test";
import { environmentVariable } from "../../src/testing/index.ts";
import { commands, exported, injected, resultExported, runJob } from "./fixtures.ts";

describe("a job's events", () => {
  test("a job without commands passes", async () => {
    const { blocks, summary } = await runJob({});
    expect(blocks).toEqual([exported, injected, resultExported]);
    expect(summary.result).toBe("passed");
  });

  test("commands run in order until the first failure, then the on-fail epilogues run", async () => {
    const { blocks, events, summary } = await runJob({
      env: [environmentVariable("B", "2"), environmentVariable("A", "1")],
      files: [{ path: "/tmp/x", content: "eA==", mode: "0600" }],
      commands: commands("print one", "exit 3", "print never"),
      epilogueAlways: commands("print $SEMAPHORE_JOB_RESULT", "exit 1", "print never"),
      epilogueOnPass: commands("print never"),
      epilogueOnFail: commands("print on fail"),
    });
    expect(blocks).toEqual([
      `${exported}Exporting A\nExporting B\n`,
      `${injected}Injecting /tmp/x with file mode 0600\n`,
      "print one → 0: one\n",
      "exit 3 → 3: ",
      resultExported,
      "print $SEMAPHORE_JOB_RESULT → 0: failed\n",
      "exit 1 → 1: ",
      "print on fail → 0: on fail\n",
    ]);
    expect(summary.result).toBe("failed");
    expect(events.at(-1)).toMatchObject({ event: "job_finished", result: "failed" });
  });

  test("failed epilogues do not change the result", async () => {
    const { blocks, summary } = await runJob({
      commands: commands("print one"),
      epilogueAlways: commands("exit 1"),
      epilogueOnPass: commands("print on pass"),
      epilogueOnFail: commands("print never"),
    });
    expect(blocks.slice(3)).toEqual([resultExported, "exit 1 → 1: ", "print on pass → 0: on pass\n"]);
    expect(summary.result).toBe("passed");
  });

  test("a command with an alias is logged under it, with its directive", async () => {
    const { blocks } = await runJob({ commands: [{ directive: "print one", alias: "Greet" }] });
    expect(blocks[2]).toBe("Greet → 0: Running: print one\none\n");
  });

  for (const [value, result] of [
    ["passed", "passed"],
    ["failed", "failed"],
    ["stopped", "stopped"],
    ["", "stopped"],
  ] as const) {
    test(`exit code 130 with SEMAPHORE_JOB_RESULT "${value}" ends the job as ${result}, without epilogues`, async () => {
      const { blocks, summary } = await runJob({
        commands: commands(`export SEMAPHORE_JOB_RESULT=${value}`, "exit 130", "print never"),
        epilogueAlways: commands("print never"),
      });
      const said =
        result === "stopped" ? `SEMAPHORE_JOB_RESULT is set to '${value}'` : `SEMAPHORE_JOB_RESULT=${value}`;
      expect(blocks.slice(3)).toEqual([
        "exit 130 → 130: ",
        `Checking job result → 0: ${said} - stopping job and marking it as ${result}`,
      ]);
      expect(summary.result).toBe(result);
    });
  }

  test("after a session has died every further command fails at once", async () => {
    const { blocks, summary } = await runJob({
      commands: commands("die"),
      epilogueAlways: commands("print never"),
      epilogueOnFail: commands("print never either"),
    });
    expect(blocks.slice(2)).toEqual([
      "die → 1: ",
      "Exporting environment variables → 1: ",
      "print never → 1: ",
      "print never either → 1: ",
    ]);
    expect(summary.result).toBe("failed");
  });

  test("every open block is finished when the executor throws", async () => {
    const { blocks, summary, logs } = await runJob({ commands: commands("fail run", "print never") });
    expect(blocks[2]).toContain("fail run → 1: ");
    expect(blocks[2]).toContain("the dummy executor failed");
    expect(summary.result).toBe("failed");
    expect(logs.some(({ level }) => level === "error")).toBe(true);
  });
});

test("the plugin redact masks values of secret variables wherever the job shows them", async () => {
  const { blocks } = await runJob(
    {
      env: [environmentVariable("API_TOKEN", "tok-123456")],
      commands: commands("print $API_TOKEN", "print tok-123456"),
    },
    { setup: (ctx) => redact.setup(ctx, { vars: ["*_TOKEN"], shapes: false }) },
  );
  expect(blocks.slice(2, 4)).toEqual([
    "print $API_TOKEN → 0: [REDACTED]\n",
    "print [REDACTED] → 0: [REDACTED]\n",
  ]);
});
