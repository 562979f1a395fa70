import { describe, expect, test } from "bun:test";
import { createTester } from "../support/fixtures.ts";
import { outline, outputOf, runForEvents, toEvents } from "../support/jobs.ts";

const exported = "[Exporting environment variables] 0: ";
const injected = "[Injecting Files] 0: ";
const result = `${exported}Exporting SEMAPHORE_JOB_RESULT\n`;
const epilogues = {
  epilogue_always_commands: ["echo always $SEMAPHORE_JOB_RESULT"],
  epilogue_on_pass_commands: ["echo on pass"],
  epilogue_on_fail_commands: ["echo on fail"],
};
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("the lifecycle of a job", () => {
  test("a passed job exits with status 0 and has the events of the protocol in order", async () => {
    await using tester = await createTester();
    const { exitCode, stderr, events } = await runForEvents(tester, {
      env: { ZETA: "z", ALPHA: "a b" },
      files: [{ path: "dir/file.txt", text: "text\n", mode: "0640" }],
      commands: ['cd dir; echo "$ALPHA$ZETA"', "pwd; cat file.txt; stat -c %a file.txt"],
      ...epilogues,
    });
    expect(outline(events)).toEqual([
      "start",
      `${exported}Exporting ALPHA\nExporting ZETA\n`,
      `${injected}Injecting ${tester.home}/dir/file.txt with file mode 0640\n`,
      '[cd dir; echo "$ALPHA$ZETA"] 0: a bz\n',
      `[pwd; cat file.txt; stat -c %a file.txt] 0: ${tester.home}/dir\ntext\n640\n`,
      result,
      "[echo always $SEMAPHORE_JOB_RESULT] 0: always passed\n",
      "[echo on pass] 0: on pass\n",
      "end passed",
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const now = Date.now() / 1000;
    for (const event of events) {
      expect(Number.isInteger(event.timestamp)).toBe(true);
      expect(Math.abs(event.timestamp - now)).toBeLessThan(60);
    }
    expect(Object.keys(events.find(({ event }) => event === "cmd_finished")!).toSorted()).toEqual([
      "directive",
      "event",
      "exit_code",
      "finished_at",
      "started_at",
      "timestamp",
    ]);
  });

  test("a failed job exits with status 1 after the first failed command and runs the on-fail epilogues", async () => {
    await using tester = await createTester();
    const commands = ["true", { directive: "(exit 42)", alias: "Build" }, "echo never"];
    const { exitCode, events } = await runForEvents(tester, { commands, ...epilogues });
    expect(outline(events).slice(3)).toEqual([
      "[true] 0: ",
      "[Build] 42: Running: (exit 42)\n",
      result,
      "[echo always $SEMAPHORE_JOB_RESULT] 0: always failed\n",
      "[echo on fail] 0: on fail\n",
      "end failed",
    ]);
    expect(exitCode).toBe(1);
  });

  test("a failed epilogue ends its block and does not change the result", async () => {
    await using tester = await createTester();
    const { exitCode, events } = await runForEvents(tester, {
      commands: [],
      epilogue_always_commands: ["(exit 7)", "echo never"],
      epilogue_on_pass_commands: ["echo on pass"],
    });
    expect(outline(events).slice(3)).toEqual([
      result,
      "[(exit 7)] 7: ",
      "[echo on pass] 0: on pass\n",
      "end passed",
    ]);
    expect(exitCode).toBe(0);
  });

  test.each([
    ["passed", 0, "SEMAPHORE_JOB_RESULT=passed - stopping job and marking it as passed", "passed"],
    ["failed", 1, "SEMAPHORE_JOB_RESULT=failed - stopping job and marking it as failed", "failed"],
    [
      "skip",
      130,
      "SEMAPHORE_JOB_RESULT is set to 'skip' - stopping job and marking it as stopped",
      "stopped",
    ],
    ["", 130, "SEMAPHORE_JOB_RESULT is set to '' - stopping job and marking it as stopped", "stopped"],
  ])(
    "exit code 130 with the result '%s' causes exit status %i and skips the epilogues",
    async (value, status, message, end) => {
      await using tester = await createTester();
      const command = `export SEMAPHORE_JOB_RESULT='${value}'; (exit 130)`;
      const { exitCode, events } = await runForEvents(tester, {
        commands: [command, "echo never"],
        ...epilogues,
      });
      expect(outline(events).slice(3)).toEqual([
        `[${command}] 130: `,
        `[Checking job result] 0: ${message}`,
        `end ${end}`,
      ]);
      expect(exitCode).toBe(status);
    },
  );

  test("a variable that is not base64 fails the job; its block is closed, and the epilogues run", async () => {
    await using tester = await createTester();
    const job = {
      env_vars: [
        { name: "GOOD", value: "eA==" },
        { name: "BAD", value: "!" },
      ],
      commands: ["echo never"],
    };
    const { exitCode, events } = await runForEvents(tester, { ...job, ...epilogues });
    const lines = outline(events);
    expect(lines[1]).toStartWith("[Exporting environment variables] 1: ");
    expect(lines[1]).toContain("Failed to decode BAD\n");
    expect(lines).toContain("[echo on fail] 0: on fail\n");
    expect(lines.join()).not.toContain("echo never");
    expect(exitCode).toBe(1);
  });

  test.each([
    [{ path: "f", content: "!", mode: "0644" }, "Failed to decode the content of the file.\n"],
    [{ path: "f", content: "", mode: "" }, "bad file permission ''\n"],
    [{ path: "taken/f", content: "", mode: "0644" }, "Failed to create directory '"],
    [{ path: "directory", content: "", mode: "0644" }, "Failed to create destination path '"],
  ])("the file %j cannot be injected: its block is closed, and the job fails", async (file, message) => {
    await using tester = await createTester();
    await tester.write("taken", "");
    await tester.write("directory/x", "");
    const { exitCode, events } = await runForEvents(tester, {
      files: [file],
      commands: ["echo never"],
      ...epilogues,
    });
    const lines = outline(events);
    expect(lines[2]).toStartWith("[Injecting Files] 1: Injecting ");
    expect(lines[2]).toContain(message);
    expect(lines).toContain("[echo on fail] 0: on fail\n");
    expect(lines.join()).not.toContain("echo never");
    expect(exitCode).toBe(1);
  });
});

describe("a job file", () => {
  test("in the format of the control plane has the same effect as a hand-written one", async () => {
    await using tester = await createTester();
    const wire = await runForEvents(tester, {
      job_id: "5a8b8a4c-0000-4000-8000-000000000000",
      job_name: "wire",
      ssh_public_keys: [],
      env_vars: [{ name: "NAME", value: base64('it\'s\n"me"') }],
      file: [{ path: "~/f", content: base64("text"), mode: "0600" }],
      commands: [{ directive: 'echo "$NAME"; cat f' }],
      epilogue_always_commands: null,
      callbacks: { finished: "http://127.0.0.1:9/", teardown_finished: "http://127.0.0.1:9/", token: "" },
      logger: { method: "push", url: "http://127.0.0.1:9/", token: "" },
      unknown_key: { nested: true },
    });
    const hand = await runForEvents(tester, {
      id: "hand",
      env: { NAME: 'it\'s\n"me"' },
      files: [{ path: "~/f", text: "text", mode: "0600" }],
      commands: ['echo "$NAME"; cat f'],
    });
    expect(outline(wire.events)).toEqual(outline(hand.events));
    expect(outputOf(wire.events, 'echo "$NAME"; cat f')).toBe('it\'s\n"me"\ntext');
    expect([wire.exitCode, wire.stderr]).toEqual([0, ""]);
  });

  test("in YAML keeps numbers as text, multi-line commands and here-documents", async () => {
    await using tester = await createTester();
    const yaml = `
env: { MODE: 0600, PORT: 8080, FLAG: yes, EMPTY: }
commands:
  - echo "$MODE $PORT $FLAG [$EMPTY]"
  - |
    cat <<'END'
      $(not run) 'quoted' "twice"
    END
    echo after
  - true
`;
    const { exitCode, stdout } = await tester.run(["run", "-", "--json"], { stdin: yaml });
    const events = toEvents(stdout);
    expect(outputOf(events, 'echo "$MODE $PORT $FLAG [$EMPTY]"')).toBe("0600 8080 yes []\n");
    expect(outline(events)[4]).toEndWith(" 0:   $(not run) 'quoted' \"twice\"\nafter\n");
    expect(exitCode).toBe(0);
  });

  test("can be JSON on standard input", async () => {
    await using tester = await createTester();
    const { exitCode, stdout } = await tester.run(["run", "-"], {
      stdin: '{"commands": ["echo from stdin"]}',
    });
    expect(stdout).toContain("\nfrom stdin\n");
    expect(exitCode).toBe(0);
  });
});
