import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createScene } from "../support/agents.ts";
import { createTester } from "../support/fixtures.ts";
import { registrationToken } from "../support/hub-process.ts";
import { outline } from "../support/jobs.ts";

/** A configuration as the reference agent's installer and documentation write it. */
const referenceConfig = (endpoint: string, home: string) => `endpoint: "${endpoint}"
token: "${registrationToken}"
no-https: true
name: reference-agent
shutdown-hook-path: "${home}/shutdown.sh"
pre-job-hook-path: "${home}/pre.sh"
source-pre-job-hook: true
fail-on-pre-job-hook-error: false
post-job-hook-path: "${home}/post.sh"
disconnect-after-job: true
disconnect-after-idle-timeout: 300
interruption-grace-period: 10
env-vars:
  - FROM_AGENT=a=b=c
  - SEMAPHORE_CACHE_BACKEND=s3
files: []
fail-on-missing-files: false
upload-job-logs: never
kubernetes-executor: false
`;

describe("configuration of the reference agent", () => {
  test.concurrent("its config.yaml works unchanged", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const file = await tester.write("config.yaml", referenceConfig(hub.endpoint, tester.home));
    await tester.write("shutdown.sh", "echo $SEMAPHORE_AGENT_SHUTDOWN_REASON > reason\n");
    await tester.write("pre.sh", "export FROM_HOOK=hooked\n");
    await tester.write("post.sh", "echo post $SEMAPHORE_JOB_RESULT $FROM_HOOK\n");
    const id = await hub.submit({ commands: ["echo $FROM_AGENT $SEMAPHORE_CACHE_BACKEND $FROM_HOOK"] });
    const { exitCode } = await tester.run(["start", "--config-file", file]);
    expect(exitCode).toBe(0);
    expect((await hub.job(id)).result).toBe("passed");
    const lines = outline(await hub.log(id));
    expect(lines[1]).toContain("Exporting FROM_AGENT\n");
    expect(lines.slice(3)).toEqual([
      `[Running the pre-job hook configured in the agent] 0: Running: source ${tester.home}/pre.sh\n` +
        "Warning: The agent is configured to proceed with the job even if the pre-job hook fails.\n",
      "[echo $FROM_AGENT $SEMAPHORE_CACHE_BACKEND $FROM_HOOK] 0: a=b=c s3 hooked\n",
      "[Exporting environment variables] 0: Exporting SEMAPHORE_JOB_RESULT\n",
      `[Running the post-job hook configured in the agent] 0: Running: bash ${tester.home}/post.sh\npost passed hooked\n`,
      "end passed",
    ]);
    expect(await readFile(path.join(tester.home, "reason"), "utf8")).toBe("JOB_FINISHED\n");
    const [registration] = await hub.calls();
    expect(registration?.body).toMatchObject({
      name: "reference-agent",
      single_job: true,
      idle_timeout: 300,
      interruption_grace_period: 10,
    });
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("its environment variables work: lists are separated by blanks, an empty variable is ignored", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const id = await hub.submit({ commands: ["echo $ONE $TWO"] });
    const { exitCode } = await tester.run(["start"], {
      env: {
        SEMAPHORE_AGENT_ENDPOINT: hub.endpoint,
        SEMAPHORE_AGENT_TOKEN: registrationToken,
        SEMAPHORE_AGENT_NO_HTTPS: "true",
        SEMAPHORE_AGENT_NAME: "by-environment",
        SEMAPHORE_AGENT_DISCONNECT_AFTER_JOB: "1",
        SEMAPHORE_AGENT_ENV_VARS: "ONE=1 TWO=2=2",
        SEMAPHORE_AGENT_JOB_ID: "",
      },
    });
    expect(exitCode).toBe(0);
    expect(outline(await hub.log(id))[3]).toBe("[echo $ONE $TWO] 0: 1 2=2\n");
    expect((await hub.job(id)).agent).toBe("by-environment");
  });

  test.concurrent("a flag takes precedence over the environment, and the environment over the file", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const file = await tester.write(
      "config.yaml",
      `endpoint: nowhere.invalid\ntoken: wrong\nname: by-the-file\nno-https: true\ndisconnect-after-job: true\n`,
    );
    const id = await hub.submit({ commands: ["echo $A $B"] });
    const flags = [
      "--config-file",
      file,
      "--endpoint",
      hub.endpoint,
      "--name",
      "by-the-flag",
      "--env-vars",
      "A=1,B=2",
    ];
    const { exitCode } = await tester.run(["start", ...flags], {
      env: { SEMAPHORE_AGENT_TOKEN: registrationToken, SEMAPHORE_AGENT_NAME: "by-environment" },
    });
    expect(exitCode).toBe(0);
    expect((await hub.job(id)).agent).toBe("by-the-flag");
    expect(outline(await hub.log(id))[3]).toBe("[echo $A $B] 0: 1 2\n");
  });

  test.concurrent("name-from-env works and is reported as deprecated", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent(["--name-from-env", "POD_NAME"], {
      env: { POD_NAME: "semaphore-pod-1" },
    });
    expect((await scene.hub.agents()).map(({ name }) => name)).toEqual(["semaphore-pod-1"]);
    agent.kill("SIGTERM");
    expect((await agent.finished).stdout.match(/deprecated/g)).toHaveLength(1);
  });

  test.concurrent("the token is read from a file, without its final line feed", async () => {
    await using scene = await createScene();
    const file = await scene.tester.write("token", `${registrationToken}\n`, 0o600);
    await scene.readyAgent(["--token-file", file], { env: { SEMAPHORE_AGENT_TOKEN: "" } });
    expect(await scene.hub.agents()).toHaveLength(1);
  });
});

describe("shutdown reasons", () => {
  test.concurrent("IDLE: after the idle timeout, with exit status 0", async () => {
    await using scene = await createScene();
    const hook = await scene.tester.write(
      "hook.sh",
      "echo $SEMAPHORE_AGENT_SHUTDOWN_REASON > reason; exit 9\n",
    );
    const agent = scene.agent(["--disconnect-after-idle-timeout", "1", "--shutdown-hook-path", hook]);
    const { exitCode, stdout } = await agent.finished;
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Agent shutting down due to: IDLE");
    expect(await readFile(path.join(scene.tester.home, "reason"), "utf8")).toBe("IDLE\n");
    expect(await scene.hub.violations()).toEqual([]);
  });

  test.concurrent("JOB_FINISHED: with job-id, after this job only", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const first = await hub.submit({ commands: ["touch never"] });
    const wanted = await hub.submit({ commands: ["touch wanted"] });
    const { exitCode, stdout } = await scene.agent(["--job-id", wanted, "--disconnect-after-job"]).finished;
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Agent shutting down due to: JOB_FINISHED");
    expect((await hub.job(wanted)).result).toBe("passed");
    expect((await hub.job(first)).state).toBe("queued");
    expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
  });

  test.concurrent("REQUESTED: when the hub requests it, with exit status 0, after the job is stopped", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent(["--name", "to-be-disabled"]);
    const id = await hub.submit({ commands: ["echo started; sleep 60; touch never"] });
    await hub.shows(id, "started");
    await hub.shutdownAgent("to-be-disabled");
    const { exitCode, stdout } = await agent.finished;
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Agent shutting down due to: REQUESTED");
    expect((await hub.job(id)).result).toBe("stopped");
    expect(outline(await hub.log(id)).at(-1)).toBe("end stopped");
    expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("an agent whose registration is rejected exits with status 1, without the shutdown hook", async () => {
    await using scene = await createScene();
    const hook = await scene.tester.write("hook.sh", "touch hooked\n");
    const args = ["--register-attempts", "3", "--shutdown-hook-path", hook];
    const { exitCode, stdout, stderr } = await scene.agent(args, {
      env: { SEMAPHORE_AGENT_TOKEN: "wrong-token" },
    }).finished;
    expect(exitCode).toBe(1);
    expect(stdout + stderr).toContain("404");
    const names = (await scene.hub.calls()).map(({ body }) => (body as { name: string }).name);
    expect(names).toHaveLength(3);
    expect(new Set(names).size).toBe(1);
    expect(existsSync(path.join(scene.tester.home, "hooked"))).toBe(false);
  });
});

describe("an invalid configuration: the reference agent's message and exit status 1", () => {
  const usual = ["--endpoint", "127.0.0.1:1", "--token", "t"];
  test.concurrent.each<[sentence: string, args: string[]]>([
    ["Semaphore endpoint was not specified. Exiting...", ["--token", "t"]],
    ["Agent registration token was not specified. Exiting...", ["--endpoint", "127.0.0.1:1"]],
    ["job-id can only be used if disconnect-after-job is also used. Exiting...", [...usual, "--job-id", "x"]],
    ["Idle timeout can't be negative. Exiting...", [...usual, "--disconnect-after-idle-timeout=-1"]],
    [
      "Error parsing --env-vars: NOVALUE is not a valid environment variable",
      [...usual, "--env-vars", "NOVALUE"],
    ],
    ["Error parsing --files: nofile is not a valid file injection", [...usual, "--files", "nofile"]],
    [
      "Unsupported value 'sometimes' for 'upload-job-logs'. Allowed values are: [never always when-trimmed]. Exiting...",
      [...usual, "--upload-job-logs", "sometimes"],
    ],
    [
      "Kubernetes pod start timeout can't be negative. Exiting...",
      [...usual, "--kubernetes-pod-start-timeout=-1"],
    ],
    ["Error parsing --kubernetes-labels: bad is not a valid label", [...usual, "--kubernetes-labels", "bad"]],
    [
      "Agent name validation failed: name should have between 8 and 80 characters. 'short' has 5",
      [...usual, "--name", "short"],
    ],
    ["Error reading config file nowhere.yaml: ", [...usual, "--config-file", "nowhere.yaml"]],
    ["Unrecognized option 'no-such-key'. Exiting...", [...usual, "--config-file", "config.yaml"]],
    ["Unrecognized option 'nested.key'. Exiting...", [...usual, "--config-file", "nested.yaml"]],
  ])("%s", async (sentence, args) => {
    await using tester = await createTester();
    await tester.write("config.yaml", "no-such-key: 1\n");
    await tester.write("nested.yaml", "nested:\n  key: 1\n");
    const { exitCode, stdout, stderr } = await tester.run(["start", ...args]);
    expect(stdout + stderr).toContain(sentence);
    expect(exitCode).toBe(1);
  });

  test.concurrent("an unknown flag: exit status 2", async () => {
    await using tester = await createTester();
    expect((await tester.run(["start", ...usual, "--no-such-flag"])).exitCode).toBe(2);
  });

  test.concurrent("a flag whose value is not a number: exit status 2", async () => {
    await using tester = await createTester();
    const args = ["start", ...usual, "--interruption-grace-period", "soon"];
    expect((await tester.run(args)).exitCode).toBe(2);
  });
});
