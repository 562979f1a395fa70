import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { version } from "../../package.json";
import { createTester } from "../support/fixtures.ts";
import { createHostedScene, toBase64 } from "./hosted-client.ts";
import { findProcesses, outline, uniqueSeconds, until } from "../support/jobs.ts";

describe("a job in hosted mode", () => {
  test.concurrent("runs once, is read, archived and reported", async () => {
    await using scene = await createHostedScene();
    const { callbacks } = scene;
    expect(await scene.call("GET", "/is_alive", { authorization: null })).toMatchObject({
      status: 200,
      text: "yes",
    });
    expect(JSON.parse((await scene.call("GET", "/status")).text)).toEqual({
      state: "waiting-for-job",
      version,
    });
    expect(await scene.call("GET", "/jobs/a-job/log")).toMatchObject({
      status: 404,
      text: '{"message": "job a-job is not running"}',
    });

    const job = { job_id: "a-job", env: { NAME: "world" }, commands: ["echo hello $NAME", "sleep 1"] };
    expect(await scene.submit(job)).toMatchObject({ status: 200, text: '{"message": "ok"}' });
    expect(await scene.submit(job)).toMatchObject({
      status: 200,
      text: '{"message": "job is already running"}',
    });
    expect(await scene.submit({ ...job, job_id: "b-job" })).toMatchObject({
      status: 422,
      text: '{"message": "another job is already running"}',
    });
    expect(JSON.parse((await scene.call("GET", "/status")).text)).toEqual({ state: "job-received", version });
    expect(await scene.call("GET", "/jobs/b-job/log")).toMatchObject({
      status: 403,
      text: '{"message": "job b-job is not running"}',
    });
    await scene.shows("a-job", "hello world");

    expect(await callbacks.has("finished")).toBe('{"result":"passed"}');
    await until(
      "the end is in the log",
      async () => (await scene.log("a-job")).at(-1)?.event === "job_finished",
    );
    const events = await scene.log("a-job");
    expect(outline(events)).toEqual([
      "start",
      "[Exporting environment variables] 0: Exporting NAME\n",
      "[Injecting Files] 0: ",
      "[echo hello $NAME] 0: hello world\n",
      "[sleep 1] 0: ",
      "[Exporting environment variables] 0: Exporting SEMAPHORE_JOB_RESULT\n",
      "end passed",
    ]);
    expect(await scene.log("a-job", 5)).toEqual(events.slice(5));
    expect(await scene.log("a-job", events.length)).toEqual([]);
    expect(callbacks.received.map((callback) => callback.path)).toEqual(["/finished"]);

    expect(await scene.archive("a-job")).toEqual(events);
    expect(await callbacks.has("teardown")).toBe("{}");
    expect(callbacks.received.map((callback) => callback.authorization)).toEqual(
      Array<string>(2).fill("Bearer callback-token"),
    );
    expect(await scene.log("a-job")).toEqual(events);
    expect((await scene.call("GET", "/agent_logs")).text).toContain("job a-job was accepted");
    // One job in the life of a process.
    expect((await scene.submit({ ...job, job_id: "b-job" })).status).toBe(422);
    expect((await scene.submit(job)).text).toBe('{"message": "job is already running"}');
    scene.serve.kill("SIGTERM");
    expect((await scene.serve.finished).exitCode).toBe(0);
  });

  test.concurrent("fails with the exit code of its command, after its epilogues", async () => {
    await using scene = await createHostedScene();
    const epilogues = {
      epilogue_always_commands: [{ directive: "echo always" }],
      epilogue_on_pass_commands: [{ directive: "echo pass" }],
      epilogue_on_fail_commands: [{ directive: "echo fail $SEMAPHORE_JOB_RESULT" }],
    };
    await scene.submit({ job_id: "failing", commands: ["(exit 3)", "echo never"], ...epilogues });
    expect(await scene.callbacks.has("finished")).toBe('{"result":"failed"}');
    const lines = outline(await scene.archive("failing"));
    expect(lines.slice(3)).toEqual([
      "[(exit 3)] 3: ",
      "[Exporting environment variables] 0: Exporting SEMAPHORE_JOB_RESULT\n",
      "[echo always] 0: always\n",
      "[echo fail $SEMAPHORE_JOB_RESULT] 0: fail failed\n",
      "end failed",
    ]);
    await scene.callbacks.has("teardown");
  });

  for (const target of ["/stop", "/jobs/terminate"]) {
    test.concurrent(`is stopped by POST ${target}: no epilogue runs and no process is left`, async () => {
      await using scene = await createHostedScene();
      const word = uniqueSeconds();
      const commands = [`echo started; sleep ${word}; touch never`, "touch never"];
      await scene.submit({
        job_id: "stopped",
        commands,
        epilogue_always_commands: [{ directive: "touch never" }],
      });
      await scene.shows("stopped", '"started');
      expect(await scene.call("POST", target)).toMatchObject({ status: 200, text: "" });
      expect(await scene.callbacks.has("finished")).toBe('{"result":"stopped"}');
      expect(outline(await scene.archive("stopped")).slice(-2)).toEqual([
        `[${commands[0]}] 1: started\n`,
        "end stopped",
      ]);
      await scene.callbacks.has("teardown");
      expect(findProcesses(word)).toEqual([]);
      expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
    });
  }

  test.concurrent("is stopped right after its submission", async () => {
    await using scene = await createHostedScene();
    const submitted = scene.submit({ job_id: "early", commands: ["sleep 60"] });
    await until("the job is received", async () =>
      (await scene.call("GET", "/status")).text.includes("received"),
    );
    expect((await scene.call("POST", "/stop")).status).toBe(200);
    expect((await submitted).status).toBe(200);
    expect(await scene.callbacks.has("finished")).toBe('{"result":"stopped"}');
    await scene.archive("early");
    await scene.callbacks.has("teardown");
  });

  test.concurrent("runs after a stop that came before it", async () => {
    await using scene = await createHostedScene();
    expect(await scene.call("POST", "/stop")).toMatchObject({ status: 200, text: "" });
    await scene.submit({ job_id: "later", commands: ["true"] });
    expect(await scene.callbacks.has("finished")).toBe('{"result":"passed"}');
  });
});

describe("a hosted machine", () => {
  test.concurrent("gets the job's SSH keys, the jump point and the job's variables in the login profile", async () => {
    await using scene = await createHostedScene();
    const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@example.com";
    const { home } = scene.tester;
    await scene.tester.write(".profile", "export FROM_PROFILE=yes\n");
    await scene.submit({
      job_id: "ssh",
      env: { GREETING: "hello there" },
      ssh_public_keys: [toBase64(key)],
      commands: ["touch ready; while [ -e ready ]; do sleep 0.1; done"],
    });
    await until("the job runs", () => existsSync(path.join(home, "ready")));
    const keys = path.join(home, ".ssh", "authorized_keys");
    expect(readFileSync(keys, "utf8")).toBe(`${key}\n`);
    expect(statSync(keys).mode & 0o777).toBe(0o600);
    expect(readFileSync("/tmp/ssh_jump_point", "utf8")).toStartWith("#!/bin/bash\n");
    const print = ["-c", "echo $GREETING, $FROM_PROFILE; rm -f ready"];
    const { stdout } = await scene.tester.exec(["bash", "/tmp/ssh_jump_point", "bash", "--login", ...print]);
    expect(stdout).toBe("hello there, yes\n");
    expect(await scene.callbacks.has("finished")).toBe('{"result":"passed"}');
    // The export file is gone with the job, and a login shell says nothing of it.
    expect(await scene.tester.exec(["bash", "--login", "-c", "true"])).toMatchObject({
      stdout: "",
      stderr: "",
    });
  });

  test.concurrent("sources the pre-job hook, and a hook that fails fails the job", async () => {
    await using scene = await createHostedScene(["--pre-job-hook-path", "hook.sh"]);
    await scene.tester.write("hook.sh", "echo in the hook\nfalse\n");
    await scene.submit({ job_id: "hooked", commands: ["echo never"] });
    expect(await scene.callbacks.has("finished")).toBe('{"result":"failed"}');
    const log = outline(await scene.archive("hooked")).join("\n");
    expect(log).toContain("Running: source hook.sh\n");
    expect(log).toContain(
      "Warning: The agent is configured to fail the job if the pre-job hook fails.\nin the hook\n",
    );
    expect(log).not.toContain("never");
  });

  for (const [value, uploads] of [
    ["always", true],
    ["when-trimmed", true],
    ["never", false],
    ["sometimes", false],
    [undefined, false],
  ] as const) {
    test.concurrent(`uploads a trimmed log ${uploads ? "" : "not "}when the job sets ${value}, before the teardown`, async () => {
      await using scene = await createHostedScene([], {
        env: { PATH: `${(await artifactDirectory()).path}:${process.env["PATH"]}` },
      });
      await scene.submit({
        job_id: "uploading",
        env: {
          ...(value !== undefined && { SEMAPHORE_AGENT_UPLOAD_JOB_LOGS: value }),
          SEMAPHORE_ARTIFACT_TOKEN: "artifact-token",
          SEMAPHORE_ORGANIZATION_URL: "https://acme.example.com",
        },
        commands: ["echo hello"],
        logger: { method: "pull", max_size_in_bytes: 100 },
      });
      await scene.callbacks.has("finished");
      await scene.archive("uploading");
      await scene.callbacks.has("teardown");
      const uploaded = path.join(scene.tester.home, "uploaded");
      expect(existsSync(uploaded)).toBe(uploads);
      if (uploads) expect(readFileSync(uploaded, "utf8")).toContain("echo hello\nhello\n");
    });
  }
});

describe("the configuration of hosted mode", () => {
  const run = async (...args: readonly string[]) => {
    await using tester = await createTester();
    await tester.write("signalman.config.yaml", "port: 1\nno-such-option: 2\n");
    return await tester.run(["serve", ...args], { env: { SEMAPHORE_AGENT_PRE_JOB_HOOK_PATH: "/never" } });
  };

  test.concurrent.each([
    [[], 1, "Auth token is empty"],
    [["--auth-token-secret", ""], 1, "Auth token is empty"],
    [["--auth-token-secret", "s"], 1, 'file "server.crt" cannot be read'],
    [
      ["--auth-token-secret", "s", "--port", "x"],
      2,
      '"--port" takes a whole number from 0 to 65535, not "x"',
    ],
    [["--auth-token-secret", "s", "--source-pre-job-hook"], 2, '"--source-pre-job-hook" cannot be given'],
    [["--auth-token-secret", "s", "--config-file", "x.yaml"], 2, '"--config-file" cannot be given'],
    [["--no-such-flag"], 2, "--no-such-flag"],
  ] as const)("is refused for %j", async (args, status, message) => {
    const { exitCode, stderr } = await run(...args);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(status);
  });
});

async function artifactDirectory() {
  const { tmpdir } = await import("../../src/testing/index.ts");
  const directory = await tmpdir();
  const script = '#!/bin/sh\n[ "$1 $2" = "push job" ] && cp "$3" "$HOME/uploaded"\n';
  await Bun.write(path.join(directory.path, "artifact"), script, { mode: 0o755 });
  await Bun.$`chmod 755 ${path.join(directory.path, "artifact")}`;
  return directory;
}
