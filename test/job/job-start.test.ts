import { describe, expect, test } from "bun:test";
import { AgentError } from "../../src/core/errors.ts";
import { commands, resultExported, runJob } from "./fixtures.ts";

describe("a failure before the first command", () => {
  test("a variable that is not base64 fails the job; its epilogues run", async () => {
    const { blocks, summary } = await runJob({
      env: [{ name: "BAD", value: "%%%" }],
      commands: commands("print never"),
      epilogueOnFail: commands("print on fail"),
    });
    expect(blocks).toEqual([
      "Exporting environment variables → 1: Failed to decode BAD\n",
      resultExported,
      "print on fail → 0: on fail\n",
    ]);
    expect(summary.result).toBe("failed");
  });

  test("a file with an invalid mode fails the job; its epilogues run", async () => {
    const { blocks } = await runJob({
      files: [{ path: "/x", content: "", mode: "abc" }],
      commands: commands("print never"),
      epilogueAlways: commands("print always"),
    });
    expect(blocks[1]).toEndWith("bad file permission 'abc'\n");
    expect(blocks.at(-1)).toBe("print always → 0: always\n");
  });

  test("an executor that fails to start is reported, and no command runs", async () => {
    const { blocks, summary } = await runJob({
      commands: commands("fail start"),
      epilogueAlways: commands("print never"),
    });
    expect(blocks).toEqual([expect.stringContaining("the dummy executor cannot start")]);
    expect(blocks[0]).toStartWith("Starting the shell executor → 1: ");
    expect(summary.result).toBe("failed");
  });

  test("an unknown executor is reported with the known ones", async () => {
    const { blocks, summary } = await runJob({ executor: "shel" });
    expect(blocks).toEqual([expect.stringContaining('"shel"')]);
    expect(blocks[0]).toContain("shell");
    expect(summary.result).toBe("failed");
  });

  test("the option executors replaces an executor", async () => {
    const { summary } = await runJob(
      { executor: "dockercompose" },
      { settings: { executors: { dockercompose: "shell" } } },
    );
    expect(summary.result).toBe("passed");
  });

  test("a plugin can reject a job with a reason in its log", async () => {
    const { blocks, summary } = await runJob(
      { commands: commands("print never") },
      {
        setup: (ctx) =>
          ctx.hook("job:start", () => {
            throw new AgentError("JOB_REFUSED", "this host takes no deployments on Fridays");
          }),
      },
    );
    expect(blocks).toEqual(["Refusing the job → 1: this host takes no deployments on Fridays\n"]);
    expect(summary.result).toBe("failed");
  });

  test("a plugin that fails in job:prepare fails the job; its epilogues run", async () => {
    const { blocks } = await runJob(
      { commands: commands("print never"), epilogueAlways: commands("print always") },
      {
        setup: (ctx) =>
          ctx.hook("job:prepare", () => {
            throw new Error("boom");
          }),
      },
    );
    expect(blocks[2]).toBe('Preparing the job → 1: plugin "listener" failed in job:prepare: boom\n');
    expect(blocks.at(-1)).toBe("print always → 0: always\n");
  });
});
