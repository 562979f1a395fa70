import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HookEvents } from "signalman";
import { type PluginUnderTest, testPlugin, tmpdir } from "signalman/testing";
import plugin from "./index.ts";

type Reason = HookEvents["agent:exit"]["reason"];

/** Shuts an agent down for `reason` and returns the log of its script. */
async function shutDown(
  script: string,
  options: { reason?: Reason; before?: (t: PluginUnderTest) => Promise<void> } = {},
) {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "a hook.sh");
  writeFileSync(path, script);
  await using t = await testPlugin(plugin, { roles: ["agent"], flags: { "shutdown-hook-path": path } });
  await (options.before ?? ((each) => each.call("agent:registered")))(t);
  await t.call("agent:exit", { reason: options.reason ?? "requested" });
  return t.logs.filter(({ level }) => level !== "debug").map(({ level, message }) => `${level}: ${message}`);
}

const words = {
  idle: "IDLE",
  "job-finished": "JOB_FINISHED",
  requested: "REQUESTED",
  interrupted: "INTERRUPTED",
  "unable-to-sync": "UNABLE_TO_SYNC",
  unknown: "UNKNOWN",
} as const;

for (const [reason, word] of Object.entries(words)) {
  test(`the script gets ${word} for the reason ${reason}`, async () => {
    const logs = await shutDown('echo "because: $SEMAPHORE_AGENT_SHUTDOWN_REASON"', {
      reason: reason as Reason,
    });
    expect(logs).toContain(`info: because: ${word}`);
  });
}

describe("the script", () => {
  test("is run by bash without being executable, and both of its outputs are logged", async () => {
    const logs = await shutDown("[[ $BASH ]] && echo out; echo err >&2");
    expect(logs.slice(1).sort()).toEqual(["info: err", "info: out"]);
  });

  test("has the agent's environment without its token and without Bun's own variables", async () => {
    const variables = { BUN_BE_BUN: "1", SEMAPHORE_AGENT_TOKEN: "registration", PLAIN: "plain" };
    Object.assign(process.env, variables);
    try {
      const logs = await shutDown('echo "$PLAIN,$SEMAPHORE_AGENT_TOKEN,$BUN_BE_BUN,$HOME"');
      expect(logs).toContain(`info: plain,,,${process.env["HOME"]}`);
    } finally {
      for (const name of Object.keys(variables)) delete process.env[name];
    }
  });

  test("that fails is only logged as an error", async () => {
    const logs = await shutDown("echo before; exit 3");
    expect(logs.slice(1)).toEqual([
      "info: before",
      expect.stringMatching(/^error: the shutdown hook ".*\/a hook\.sh" failed with exit code 3$/),
    ]);
  });

  test("that is missing is only logged as an error", async () => {
    await using t = await testPlugin(plugin, { flags: { "shutdown-hook-path": "/nowhere/hook.sh" } });
    await t.call("agent:registered");
    await t.call("agent:exit");
    const messages = t.logs.map(({ message }) => message);
    expect(messages.some((message) => message.includes("/nowhere/hook.sh: No such file"))).toBe(true);
    expect(messages).toContain('the shutdown hook "/nowhere/hook.sh" failed with exit code 127');
  });

  test("has no time-out", async () => {
    expect(await shutDown("sleep 1; echo 'at last'")).toContain("info: at last");
  });

  test("does not run when the agent was never registered", async () => {
    expect(await shutDown("echo never", { before: async () => {} })).toEqual([]);
  });

  test("does not run while the agent drains", async () => {
    const seen: string[] = [];
    await shutDown("echo now", {
      async before(t) {
        await t.call("agent:registered");
        await t.call("agent:draining");
        seen.push(...t.logs.filter(({ level }) => level !== "debug").map(({ message }) => message));
      },
    });
    expect(seen).toEqual([]);
  });
});

test("without a path nothing happens", async () => {
  await using t = await testPlugin(plugin, { config: { "shutdown-hook-path": "" } });
  await t.call("agent:registered");
  await t.call("agent:exit");
  expect(t.logs.filter(({ level }) => level !== "debug")).toEqual([]);
});

/** A control plane from which the agent disconnects at once. */
const controlPlane = (reason: Reason, isRegistered: boolean) => `
import { definePlugin, jobSource } from "signalman";
export default definePlugin({
  name: "brief",
  runsIn: ["agent"],
  setup: (ctx) => ctx.provide(jobSource, "brief", {
    identity: "brief",
    async run({ registered }) {
      if (!${isRegistered}) throw new Error("control plane unreachable");
      await registered("an-agent", "brief");
      return "${reason}";
    },
  }),
});`;

describe("in the real program", () => {
  const start = async (reason: Reason, isRegistered = true) => {
    await using tmp = await tmpdir();
    const files = {
      "brief.ts": controlPlane(reason, isRegistered),
      "hook.sh": 'echo "$SEMAPHORE_AGENT_SHUTDOWN_REASON" >written; echo output; exit 3',
      "signalman.config.yaml":
        "plugins:\n  ./brief.ts: {}\ncontrol-plane: brief\nshutdown-hook-path: hook.sh\n",
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(tmp.path, name), text);
    const main = join(import.meta.dir, "../../src/main.ts");
    const child = Bun.spawn(
      [process.execPath, main, "start", "--config-file", "signalman.config.yaml", "--state-dir", tmp.path],
      {
        cwd: tmp.path,
        env: { PATH: process.env["PATH"]!, HOME: tmp.path, TMPDIR: tmp.path },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const [out, err, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    const written = await Bun.file(join(tmp.path, "written"))
      .text()
      .catch(() => undefined);
    return { exitCode, log: out + err, written };
  };

  for (const [reason, status] of [
    ["requested", 0],
    ["unable-to-sync", 1],
  ] as const) {
    test(`a failed hook does not change the exit status ${status} of an agent that shuts down for the reason ${reason}`, async () => {
      const { exitCode, log, written } = await start(reason);
      expect(written).toBe(`${words[reason]}\n`);
      expect(log).toContain("output");
      expect(log).toContain('the shutdown hook "hook.sh" failed with exit code 3');
      expect(exitCode).toBe(status);
    });
  }

  test("an agent that could not register does not run the shutdown hook", async () => {
    const { exitCode, log, written } = await start("requested", false);
    expect(log).toContain("control plane unreachable");
    expect(written).toBeUndefined();
    expect(exitCode).toBe(1);
  });
});
