import { describe, expect, test } from "bun:test";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { createTester } from "../support/fixtures.ts";
import { outline, outputOf, runForEvents, runJob } from "../support/jobs.ts";

describe("flags of run", () => {
  const commands = ["echo first", { directive: "echo second", alias: "Second" }, "echo third"];
  const job = {
    env: { A: "file", B: "file" },
    commands,
    epilogue_always_commands: ["echo always"],
    epilogue_on_pass_commands: ["echo on pass"],
  };

  test("--env adds and overrides variables; its value may contain = or be empty", async () => {
    await using tester = await createTester();
    const command = 'echo "$A,$B,$C,$D"';
    const args = ["--env", "B=x=y z", "--env=C=", "--env", "D=d"];
    const { events } = await runForEvents(tester, { ...job, commands: [command] }, args);
    expect(outputOf(events, command)).toBe("file,x=y z,,d\n");
    expect(outline(events)[1]).toBe(
      `[Exporting environment variables] 0: Exporting A\nExporting B\nExporting C\nExporting D\n`,
    );
  });

  test.each([
    [
      ["--from", "2"],
      ["Second", "echo third", "always", "pass"],
    ],
    [
      ["--from", "echo third"],
      ["echo third", "always", "pass"],
    ],
    [["--only", "Second"], ["Second"]],
    [["--only=first"], ["echo first"]],
  ])("%j runs %j", async (args, ran) => {
    await using tester = await createTester();
    const { exitCode, events } = await runForEvents(tester, job, args);
    const directives = events.flatMap((event) => (event.event === "cmd_started" ? [event.directive] : []));
    const own = directives.filter((directive) => !/^(Exporting|Injecting)/.test(directive));
    const short = own.map((directive) => directive.match(/^echo (?:on )?(always|pass)/)?.[1] ?? directive);
    expect(short).toEqual(ran);
    expect(exitCode).toBe(0);
  });

  test("--keep writes the same events that --json prints, readable by their owner only", async () => {
    await using tester = await createTester();
    const { stdout } = await runJob(tester, job, ["--json", "--keep", "kept.ndjson"]);
    const kept = path.join(tester.home, "kept.ndjson");
    expect(await readFile(kept, "utf8")).toBe(stdout);
    expect((await stat(kept)).mode & 0o777).toBe(0o600);
  });

  test("--keep does not overwrite a file: the job does not run, and the message names the file", async () => {
    await using tester = await createTester();
    await tester.write("kept.ndjson", "precious");
    const { exitCode, stderr, stdout } = await runJob(tester, { commands: ["touch ran"] }, [
      "--keep",
      "kept.ndjson",
    ]);
    expect(await readFile(path.join(tester.home, "kept.ndjson"), "utf8")).toBe("precious");
    expect(await Bun.file(path.join(tester.home, "ran")).exists()).toBe(false);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toMatch(/"kept\.ndjson"/);
    expect(stderr).not.toContain("EEXIST: file already exists, open");
  });
});
