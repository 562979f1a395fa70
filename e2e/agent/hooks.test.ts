import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { JobEvent, JobResult } from "signalman";
import { createScene, inHome, type Scene, waitForExit, waitForFile } from "../support/agents.ts";
import type { Running } from "../support/fixtures.ts";
import { outline, outputOf, uniqueSeconds } from "../support/jobs.ts";

const pre = "Running the pre-job hook configured in the agent";
const post = "Running the post-job hook configured in the agent";

/** A scene whose agent has a hook. */
interface HookScene extends Scene {
  /** Runs a job and waits until it is reported. */
  runJob(): Promise<EndedJob>;
  /** Stops a job while its hook, which prints `hooking`, runs. */
  stopInHook(): Promise<EndedJob>;
}

interface EndedJob {
  readonly result: JobResult | undefined;
  readonly events: readonly JobEvent[];
  readonly lines: readonly string[];
}

interface HookOptions {
  readonly args?: readonly string[];
  /**
   * Whether the agent has the default time-outs, since the hub may take longer than the short ones for a
   * large log.
   */
  readonly hasDefaultTimeouts?: boolean;
}

/** Starts an agent with this script as its hook. */
async function createHookScene(
  kind: "pre" | "post",
  script: string,
  { args = [], hasDefaultTimeouts = false }: HookOptions = {},
): Promise<HookScene> {
  const scene = await createScene();
  const hook = await scene.tester.write(`${kind}.sh`, script);
  const config = await scene.tester.write("defaults.json", "{}");
  const timeouts = hasDefaultTimeouts ? ["--config-file", config] : [];
  await scene.readyAgent([`--${kind}-job-hook-path`, hook, ...timeouts, ...args]);
  return {
    ...scene,
    runJob: async () => waitForJob(scene, await scene.hub.submit(job)),
    async stopInHook() {
      const id = await scene.hub.submit(job);
      await scene.hub.shows(id, "hooking");
      await scene.hub.stopJob(id);
      return waitForJob(scene, id);
    },
  };
}

/**
 * Waits for the end of a job. Expects the same log at the hub and on disk, and that the agent takes another
 * job.
 */
async function waitForJob(scene: Scene, id: string): Promise<EndedJob> {
  const { hub } = scene;
  const { result } = await hub.done(id);
  const events = await hub.log(id);
  expect(events).toEqual(await scene.keptLog(id));
  const next = await hub.submit({ commands: ["true"] });
  expect((await hub.done(next)).isDone).toBe(true);
  expect(await hub.violations()).toEqual([]);
  return { result, events, lines: outline(events) };
}

/** An agent whose job has finished, but whose upload of the log hangs. */
interface UploadScene extends Scene {
  readonly running: Running;
  readonly id: string;
  /** Word in the command line of the upload. */
  readonly word: string;
}

async function createUploadScene(timeoutSeconds: number): Promise<UploadScene> {
  const scene = await createScene();
  const { tester, hub } = scene;
  const word = uniqueSeconds();
  const script = `#!/bin/bash\ntouch ~/uploading; trap '' TERM; sleep ${word}; sleep ${word}\n`;
  await tester.write("bin/artifact", script, 0o755);
  const running = await scene.readyAgent(
    ["--upload-job-logs", "always", "--artifact-upload-timeout", String(timeoutSeconds)],
    { env: { PATH: `${tester.home}/bin:${process.env.PATH}` } },
  );
  const id = await hub.submit({
    env_vars: [{ name: "SEMAPHORE_ARTIFACT_TOKEN", value: btoa("artifact-token-4711") }],
    commands: ["echo hello"],
  });
  await waitForFile(inHome(scene, "uploading"));
  return { ...scene, running, id, word };
}

/** Makes a script act for the first job only. */
const once = "[ -e hooked ] && exit; touch hooked";
const exists = (scene: Scene, file: string) => existsSync(inHome(scene, file));
const job = {
  commands: ["touch ran; echo ran"],
  epilogue_always_commands: [{ directive: "touch cleaned; echo cleaned" }],
};

/** A hook that prints 5 MB of random bytes. */
const printBinary = `${once}; head -c 5000000 /dev/urandom | tee binary\n`;

/** Expects that a log has the bytes that the script has printed. */
async function expectBinary(scene: Scene, shown: string): Promise<void> {
  const bytes = await readFile(inHome(scene, "binary"));
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).replaceAll("\r\n", "\n");
  expect(shown.endsWith(text)).toBe(true);
}

describe("a pre-job hook", () => {
  test.concurrent("that hangs and ignores SIGTERM is killed by a stop", async () => {
    const word = uniqueSeconds();
    await using scene = await createHookScene(
      "pre",
      `${once}; trap '' TERM INT HUP; echo hooking; sleep ${word}; sleep ${word}; touch never\n`,
    );
    const { result, lines } = await scene.stopInHook();
    expect({ result, last: lines.at(-1) }).toEqual({ result: "stopped", last: "end stopped" });
    await waitForExit(word);
    expect(["never", "ran", "cleaned"].filter((file) => exists(scene, file))).toEqual([]);
  });

  test.concurrent.each([
    ["continues", [], "passed", true],
    ["fails, and only its epilogues run", ["--fail-on-pre-job-hook-error"], "failed", false],
  ] as const)("that fails: the job %s, depending on the option", async (_, args, expected, isRun) => {
    await using scene = await createHookScene("pre", "echo hooking; exit 7\n", { args });
    const { result, lines } = await scene.runJob();
    expect(result).toBe(expected);
    expect(lines.find((line) => line.startsWith(`[${pre}]`))).toMatch(/^\[.*\] 7: [^]*hooking\n$/);
    expect(exists(scene, "ran")).toBe(isRun);
    expect(exists(scene, "cleaned")).toBe(true);
    expect(await scene.agentLog()).toContain("failed with exit code 7");
  });

  test.concurrent("that prints 5 MB of binary data: the log has all of it, and the job runs", async () => {
    await using scene = await createHookScene("pre", printBinary, { hasDefaultTimeouts: true });
    const { result, events } = await scene.runJob();
    expect(result).toBe("passed");
    await expectBinary(scene, outputOf(events, pre));
  });

  test.concurrent.each([
    ["from outside", "echo hooking; kill -9 $PPID; sleep 1\n", []],
    ["when it is sourced", "echo hooking; kill -9 $$\n", ["--source-pre-job-hook"]],
    ["by exiting it", "echo hooking; exit 0\n", ["--source-pre-job-hook"]],
  ])("that ends the job's shell %s: no command runs, and the job fails", async (_, script, args) => {
    await using scene = await createHookScene("pre", script, { args });
    const { result, lines } = await scene.runJob();
    expect(result).toBe("failed");
    expect(lines.find((line) => line.startsWith(`[${pre}]`))).toMatch(/^\[.*\] 1: [^]*hooking\n/);
    expect(["ran", "cleaned"].filter((file) => exists(scene, file))).toEqual([]);
  });
});

describe("a post-job hook", () => {
  test.concurrent("that hangs is killed by a stop, and the job is stopped", async () => {
    const word = uniqueSeconds();
    const script = `${once}; echo hooking; sleep ${word}; touch never\n`;
    await using scene = await createHookScene("post", script);
    const { result, lines } = await scene.stopInHook();
    expect({ result, last: lines.at(-1) }).toEqual({ result: "stopped", last: "end stopped" });
    await waitForExit(word);
    expect(exists(scene, "never")).toBe(false);
  });

  test.concurrent.each([
    ["fails", "echo hooking; exit 7\n", 7],
    ["kills the job's shell", "echo hooking; kill -9 $PPID; sleep 1\n", 1],
  ])("that %s does not change the result", async (_, script, exitCode) => {
    await using scene = await createHookScene("post", script);
    const { result, lines } = await scene.runJob();
    expect(result).toBe("passed");
    expect(lines.at(-2)).toStartWith(`[${post}] ${exitCode}: `);
    expect(lines.at(-2)).toContain("hooking\n");
    expect(await scene.agentLog()).toContain(`failed with exit code ${exitCode}`);
  });

  test.concurrent("that prints 5 MB of binary data: the log has all of it", async () => {
    await using scene = await createHookScene("post", printBinary, { hasDefaultTimeouts: true });
    const { result, events } = await scene.runJob();
    expect(result).toBe("passed");
    await expectBinary(scene, outputOf(events, post));
  });
});

describe("a shutdown hook that hangs", () => {
  test.concurrent("delays the exit of the agent; a second signal ends the wait and the hook", async () => {
    await using scene = await createScene();
    const word = uniqueSeconds();
    const hook = await scene.tester.write("down.sh", `touch hooking; sleep ${word}; touch never\n`);
    const agent = await scene.readyAgent(["--shutdown-hook-path", hook]);
    agent.kill("SIGTERM");
    await waitForFile(inHome(scene, "hooking"));
    expect(await scene.hub.agents()).toEqual([]);
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
    await waitForExit(word);
    expect(exists(scene, "never")).toBe(false);
  });
});

describe("an upload that hangs", () => {
  test.concurrent("delays the shutdown of the agent until the upload's time-out", async () => {
    await using scene = await createUploadScene(3);
    const { hub, running, id, word } = scene;
    running.kill("SIGTERM");
    expect((await running.finished).exitCode).toBe(0);
    expect((await hub.done(id)).isDone).toBe(true);
    await waitForExit(word);
  });

  test.concurrent("is killed by a third signal; the next agent reports the job", async () => {
    await using scene = await createUploadScene(600);
    const { hub, running, id, word } = scene;
    for (let signal = 0; signal < 3; signal++) {
      running.kill("SIGTERM");
      await Bun.sleep(100);
    }
    expect((await running.finished).exitCode).toBe(1);
    await waitForExit(word);
    scene.agent();
    expect((await hub.done(id)).isDone).toBe(true);
    expect(await hub.log(id)).toEqual(await scene.keptLog(id));
  });
});
