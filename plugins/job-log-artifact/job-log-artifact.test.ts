import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { jobEvents, jobRequest, testPlugin } from "signalman/testing";
import plugin from "./index.ts";
import { isAlive, token, until, upload, variables } from "./testing/scene.ts";

describe("the upload", () => {
  test("runs `artifact push job` with the log as text in a file of mode 0600", async () => {
    const { file, mode, left, logs, ...got } = await upload();
    expect(got.arguments).toBe("push job $DIR/job/events.ndjson.upload.txt -d agent/job_logs.txt");
    expect(file?.toString()).toBe("a command\nhello\n");
    expect(mode).toBe("600");
    expect(left).toEqual(["events.ndjson"]);
    expect(logs).toEqual(["info: uploaded the job's log as an artifact"]);
  });

  test("has the agent's environment and the job's artifact variables, without the agent's secrets", async () => {
    expect((await upload()).environment).toEqual([
      "PLAIN_THING=plain",
      `SEMAPHORE_ARTIFACT_TOKEN=${token}`,
      `SEMAPHORE_JOB_ID=${jobRequest().id}`,
      "SEMAPHORE_ORGANIZATION_URL=https://acme.example.com",
    ]);
  });

  for (const [when, trimmed, happens] of [
    ["never", true, false],
    ["always", false, true],
    ["when-trimmed", false, false],
    ["when-trimmed", true, true],
  ] as const) {
    test(`${happens ? "happens" : "does not happen"} with ${when} for a log that was ${trimmed ? "" : "not "}trimmed`, async () => {
      const { file, logs } = await upload({ when, trimmed });
      expect(file !== undefined).toBe(happens);
      expect(logs).toHaveLength(happens ? 1 : 0);
    });
  }

  test.each([
    ["never", "always", true],
    ["always", "never", false],
    ["always", "Always", false],
    ["always", undefined, false],
  ])("is up to the job in hosted mode, whatever the option says (%s, %s)", async (when, fromJob, happens) => {
    const { file } = await upload({ when, fromJob });
    expect(file !== undefined).toBe(happens);
  });

  test("handles many lines and lines of any length", async () => {
    const long = "é".repeat(3_000_000);
    const events = jobEvents([long, ...Array.from({ length: 5000 }, (_, index) => `line ${index}`)]);
    const { file } = await upload({ events, flags: { "logs-compression-size": `${2 ** 30}` } });
    const lines = file?.toString().split("\n") ?? [];
    expect(lines[1] === long).toBe(true);
    expect(lines.at(-2)).toBe("line 4999");
  });

  test("is compressed from logs-compression-size", async () => {
    const bytes = 2 ** 20;
    const flags = { "logs-compression-size": `${bytes}` };
    const linesOf = (size: number) => ["x".repeat(size - "a command\n\n".length)];
    const small = await upload({ events: jobEvents(linesOf(bytes - 1)), flags });
    expect(small.arguments).toEndWith(".txt -d agent/job_logs.txt");
    const large = await upload({ events: jobEvents(linesOf(bytes)), flags });
    expect(large.arguments).toEndWith(".txt.gz -d agent/job_logs.txt.gz");
    expect(gunzipSync(large.file!)).toHaveLength(bytes);
    expect(large.mode).toBe("600");
    expect(large.left).toEqual(["events.ndjson"]);
  });

  test("replaces a damaged line by a note", async () => {
    const prepare = (spool: string) =>
      writeFileSync(spool, readFileSync(spool, "utf8").replace('{"event":"cmd_output"', "\0\0\0"));
    const { file } = await upload({ prepare });
    expect(file?.toString()).toBe("a command\n[a damaged line of the log is left out]\n");
  });

  test("replaces the files of an upload that a crash interrupted", async () => {
    const prepare = (spool: string) => {
      writeFileSync(`${spool}.upload.txt`, "half");
      writeFileSync(`${spool}.upload.txt.gz`, "half");
    };
    const { file, left } = await upload({ prepare });
    expect(file?.toString()).toBe("a command\nhello\n");
    expect(left).toEqual(["events.ndjson"]);
  });
});

describe("a failure is logged and leaves no file on disk:", () => {
  const begin = "error: upload of the job's log as an artifact is not possible: ";
  for (const [what, options, fault] of [
    ["no token", { env: variables.slice(1) }, "the job has no SEMAPHORE_ARTIFACT_TOKEN"],
    ["no organization", { env: variables.slice(0, 1) }, "the job has no SEMAPHORE_ORGANIZATION_URL"],
    ["no program", { artifact: undefined }, "the program `artifact` is not in the agent's PATH"],
  ] as const) {
    test(`${what}`, async () => {
      const { logs, left, file } = await upload(options);
      expect(logs).toEqual([`${begin}${fault}`]);
      expect(left).toEqual(["events.ndjson"]);
      expect(file).toBeUndefined();
    });
  }

  test("a failed program, with its output and without the token", async () => {
    const { logs, left } = await upload({
      artifact: 'echo "no $SEMAPHORE_ARTIFACT_TOKEN today" >&2; exit 7',
    });
    expect(logs).toEqual([
      "info: no [REDACTED] today",
      "error: upload of the job's log as an artifact failed: `artifact` failed with exit code 7",
    ]);
    expect(left).toEqual(["events.ndjson"]);
  });

  test("a missing log", async () => {
    const { logs, file } = await upload({ prepare: (spool) => Bun.spawnSync(["rm", spool]) });
    expect(logs).toEqual([
      expect.stringMatching(/^error: upload of the job's log as an artifact failed: .*ENOENT/),
    ]);
    expect(file).toBeUndefined();
  });

  test("an endless program is terminated at the time-out", async () => {
    const { logs, left } = await upload({
      artifact: "trap 'echo asked; exit 1' TERM; while :; do sleep 0.05; done",
      flags: { "artifact-upload-timeout": "1" },
    });
    expect(logs).toContain("info: asked");
    expect(logs.at(-1)).toBe(
      "error: upload of the job's log as an artifact failed: time-out after 1 seconds",
    );
    expect(left).toEqual(["events.ndjson"]);
  });

  test("an endless program that ignores SIGTERM is killed with all its processes", async () => {
    const { logs, left, pid } = await upload({
      artifact: 'trap "" TERM; sleep 1000 & echo $! >"$KEPT/pid"; while :; do sleep 0.05; done',
      flags: { "artifact-upload-timeout": "1" },
    });
    expect(logs.at(-1)).toEndWith("time-out after 1 seconds");
    expect(left).toEqual(["events.ndjson"]);
    await until(() => !isAlive(pid));
  });

  test("an agent that shuts down ends the program", async () => {
    const { logs, left, pid } = await upload({
      artifact: 'echo $$ >"$KEPT/pid"; exec sleep 1000',
      shutsDown: true,
    });
    expect(logs).toEqual(["error: upload of the job's log as an artifact failed: the agent shuts down"]);
    expect(left).toEqual(["events.ndjson"]);
    await until(() => !isAlive(pid));
  });
});

describe("options", () => {
  test("an unsupported value is rejected with the reference's message", async () => {
    const started = testPlugin(plugin, { flags: { "upload-job-logs": "sometimes" } });
    await expect(started).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(
        "Unsupported value 'sometimes' for 'upload-job-logs'. Allowed values are: [never always when-trimmed]. Exiting...",
      ),
    });
  });

  test("a compression size out of range is logged and replaced by the default", async () => {
    const env = { SEMAPHORE_AGENT_LOGS_COMPRESSION_SIZE: "1000" };
    await using t = await testPlugin(plugin, {
      roles: ["agent"],
      env,
      flags: { "upload-job-logs": "always" },
    });
    expect(t.logs.map(({ message }) => message)).toEqual([
      "logs-compression-size 1000 is out of range (1048576 to 1073741824): using the default 104857600",
    ]);
  });
});
