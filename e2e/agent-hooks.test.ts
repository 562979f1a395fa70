import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createScene, fileAppears, gone, type Scene } from "./agents.ts";
import { outline, outputOf, uniqueSeconds } from "./jobs.ts";

const pre = "Running the pre-job hook configured in the agent";
const post = "Running the post-job hook configured in the agent";

/** An agent with this script as its hook. */
async function withHook(scene: Scene, kind: "pre" | "post", script: string, args: readonly string[] = []) {
  const hook = await scene.tester.write(`${kind}.sh`, script);
  await scene.readyAgent([`--${kind}-job-hook-path`, hook, ...args]);
}

/** How a job ended, with the log that the hub and this host agree on. The agent takes the next one. */
async function ended(scene: Scene, id: string) {
  const { hub } = scene;
  const { result } = await hub.done(id);
  const events = await hub.log(id);
  expect(events).toEqual(await scene.keptLog(id));
  const next = await hub.submit({ commands: ["true"] });
  expect((await hub.done(next)).isDone).toBe(true);
  expect(await hub.breaches()).toEqual([]);
  return { result, events, lines: outline(events) };
}

/** For a script that does what it does for the first job only. */
const once = "[ -e hooked ] && exit; touch hooked";
const exists = (scene: Scene, file: string) => existsSync(path.join(scene.tester.home, file));
const job = {
  commands: ["touch ran; echo ran"],
  epilogue_always_commands: [{ directive: "touch cleaned; echo cleaned" }],
};

const binary = `${once}; head -c 5000000 /dev/urandom | tee binary\n`;

/** A busy hub may take longer for these than impatient agents wait. */
const patience = async (scene: Scene) => ["--config-file", await scene.tester.write("patient.json", "{}")];

/** A log shows the bytes that the script has printed. */
async function expectBinary(scene: Scene, shown: string): Promise<void> {
  const bytes = await readFile(path.join(scene.tester.home, "binary"));
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).replaceAll("\r\n", "\n");
  expect(shown.endsWith(text)).toBe(true);
}

describe("a pre-job hook", () => {
  test.concurrent("that hangs and ignores SIGTERM is ended by a stop", async () => {
    await using scene = await createScene();
    const word = uniqueSeconds();
    await withHook(
      scene,
      "pre",
      `${once}; trap '' TERM INT HUP; echo hooking; sleep ${word}; sleep ${word}; touch never\n`,
    );
    const id = await scene.hub.submit(job);
    await scene.hub.shows(id, "hooking");
    await scene.hub.stopJob(id);
    const { result, lines } = await ended(scene, id);
    expect({ result, last: lines.at(-1) }).toEqual({ result: "stopped", last: "end stopped" });
    await gone(word);
    expect(["never", "ran", "cleaned"].filter((file) => exists(scene, file))).toEqual([]);
  });

  test.concurrent.each([
    ["goes on", [], "passed", true],
    ["fails, and only its epilogues run", ["--fail-on-pre-job-hook-error"], "failed", false],
  ] as const)("that fails: the job %s, as the option says", async (_, args, wanted, isRun) => {
    await using scene = await createScene();
    await withHook(scene, "pre", "echo hooking; exit 7\n", args);
    const { result, lines } = await ended(scene, await scene.hub.submit(job));
    expect(result).toBe(wanted);
    expect(lines.find((line) => line.startsWith(`[${pre}]`))).toMatch(/^\[.*\] 7: [^]*hooking\n$/);
    expect(exists(scene, "ran")).toBe(isRun);
    expect(exists(scene, "cleaned")).toBe(true);
    expect(await scene.agentLog()).toContain("ended with exit code 7");
  });

  test.concurrent("that prints 5 MB of binary: the log has them, and the job runs", async () => {
    await using scene = await createScene();
    await withHook(scene, "pre", binary, await patience(scene));
    const { result, events } = await ended(scene, await scene.hub.submit(job));
    expect(result).toBe("passed");
    await expectBinary(scene, outputOf(events, pre));
  });

  test.concurrent.each([
    ["from outside", "echo hooking; kill -9 $PPID; sleep 1\n", []],
    ["when it is sourced", "echo hooking; kill -9 $$\n", ["--source-pre-job-hook"]],
    ["by leaving it", "echo hooking; exit 0\n", ["--source-pre-job-hook"]],
  ])("that ends the job's shell %s: nothing more runs, and the job has failed", async (_, script, args) => {
    await using scene = await createScene();
    await withHook(scene, "pre", script, args);
    const { result, lines } = await ended(scene, await scene.hub.submit(job));
    expect(result).toBe("failed");
    expect(lines.find((line) => line.startsWith(`[${pre}]`))).toMatch(/^\[.*\] 1: [^]*hooking\n/);
    expect(["ran", "cleaned"].filter((file) => exists(scene, file))).toEqual([]);
  });
});

describe("a post-job hook", () => {
  test.concurrent("that hangs is ended by a stop, and the job is stopped", async () => {
    await using scene = await createScene();
    const word = uniqueSeconds();
    await withHook(scene, "post", `${once}; echo hooking; sleep ${word}; touch never\n`);
    const id = await scene.hub.submit(job);
    await scene.hub.shows(id, "hooking");
    await scene.hub.stopJob(id);
    const { result, lines } = await ended(scene, id);
    expect({ result, last: lines.at(-1) }).toEqual({ result: "stopped", last: "end stopped" });
    await gone(word);
    expect(exists(scene, "never")).toBe(false);
  });

  test.concurrent.each([
    ["fails", "echo hooking; exit 7\n", 7],
    ["kills the job's shell", "echo hooking; kill -9 $PPID; sleep 1\n", 1],
  ])("that %s changes no result", async (_, script, exitCode) => {
    await using scene = await createScene();
    await withHook(scene, "post", script);
    const { result, lines } = await ended(scene, await scene.hub.submit(job));
    expect(result).toBe("passed");
    expect(lines.at(-2)).toStartWith(`[${post}] ${exitCode}: `);
    expect(lines.at(-2)).toContain("hooking\n");
    expect(await scene.agentLog()).toContain(`ended with exit code ${exitCode}`);
  });

  test.concurrent("that prints 5 MB of binary: the log has them", async () => {
    await using scene = await createScene();
    await withHook(scene, "post", binary, await patience(scene));
    const { result, events } = await ended(scene, await scene.hub.submit(job));
    expect(result).toBe("passed");
    await expectBinary(scene, outputOf(events, post));
  });
});

describe("a shutdown hook that hangs", () => {
  test.concurrent("is waited for; a third signal ends it with the agent", async () => {
    await using scene = await createScene();
    const word = uniqueSeconds();
    const hook = await scene.tester.write("down.sh", `touch hooking; sleep ${word}; touch never\n`);
    const agent = await scene.readyAgent(["--shutdown-hook-path", hook]);
    agent.kill("SIGTERM");
    await fileAppears(path.join(scene.tester.home, "hooking"));
    expect(await scene.hub.agents()).toEqual([]);
    agent.kill("SIGTERM");
    await Bun.sleep(300);
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(1);
    await gone(word);
    expect(exists(scene, "never")).toBe(false);
  });
});

describe("an upload that never ends", () => {
  const endless = async (scene: Scene, word: string) => {
    const script = `#!/bin/bash\ntouch ~/uploading; trap '' TERM; sleep ${word}; sleep ${word}\n`;
    await scene.tester.write("bin/artifact", script, 0o755);
    return { env: { PATH: `${scene.tester.home}/bin:${process.env.PATH}` } };
  };
  const always = ["--upload-job-logs", "always", "--artifact-upload-timeout"];
  const artifactJob = {
    env_vars: [{ name: "SEMAPHORE_ARTIFACT_TOKEN", value: btoa("artifact-token-4711") }],
    commands: ["echo hello"],
  };

  test.concurrent("holds an agent that is told to leave until its time is over", async () => {
    await using scene = await createScene();
    const word = uniqueSeconds();
    const agent = await scene.readyAgent([...always, "3"], await endless(scene, word));
    const id = await scene.hub.submit(artifactJob);
    await fileAppears(path.join(scene.tester.home, "uploading"));
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
    expect((await scene.hub.done(id)).isDone).toBe(true);
    await gone(word);
  });

  test.concurrent("is ended by a third signal; the next agent reports the job", async () => {
    await using scene = await createScene();
    const word = uniqueSeconds();
    const agent = await scene.readyAgent([...always, "600"], await endless(scene, word));
    const id = await scene.hub.submit(artifactJob);
    await fileAppears(path.join(scene.tester.home, "uploading"));
    for (let signal = 0; signal < 3; signal++) {
      agent.kill("SIGTERM");
      await Bun.sleep(100);
    }
    expect((await agent.finished).exitCode).toBe(1);
    await gone(word);
    scene.agent();
    expect((await scene.hub.done(id)).isDone).toBe(true);
    expect(await scene.hub.log(id)).toEqual(await scene.keptLog(id));
  });
});
