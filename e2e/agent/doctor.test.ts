import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { createScene } from "../support/agents.ts";
import { createTester, type Finished, type Tester } from "../support/fixtures.ts";
import { registrationToken } from "../support/hub-process.ts";

interface Finding {
  readonly owner: string;
  readonly level: string;
  readonly title: string;
  readonly remedy?: string;
}

test("doctor checks a hub without registering, finds a running agent, and leaves no files behind", async () => {
  await using scene = await createScene();
  const agent = await scene.readyAgent(["--name", "agent-to-see"]);
  const before = await readdir(scene.tester.temporary);
  const { exitCode, findings } = await diagnose(scene.tester, {
    SEMAPHORE_AGENT_ENDPOINT: scene.hub.endpoint,
    SEMAPHORE_AGENT_NO_HTTPS: "true",
    SEMAPHORE_AGENT_TOKEN: registrationToken,
    SEMAPHORE_AGENT_STATE_DIR: scene.stateDirectory,
  });
  expect(titles(findings, "error")).toEqual([]);
  expect(exitCode).toBe(0);
  expect(titles(findings, "ok")).toEqual(
    expect.arrayContaining([
      `"${scene.hub.endpoint}" accepts the registration token`,
      "the clock matches the control plane's clock",
      `state directory "${scene.stateDirectory}" exists; running agents: pid ${agent.pid}`,
      expect.stringMatching(/^the login shell starts in \d+ ms$/),
    ]),
  );
  expect((await scene.hub.agents()).map(({ name }) => name)).toEqual(["agent-to-see"]);
  expect(await scene.hub.violations()).toEqual([]);
  expect(await readdir(scene.tester.temporary)).toEqual(before);
});

test("doctor uses a proxy like the agent", async () => {
  await using scene = await createScene({ hub: ["--hosts", "agents.invalid"] });
  const { findings } = await diagnose(scene.tester, {
    http_proxy: `http://${scene.hub.endpoint}`,
    no_proxy: "",
    NO_PROXY: "",
    SEMAPHORE_AGENT_ENDPOINT: "agents.invalid",
    SEMAPHORE_AGENT_NO_HTTPS: "true",
    SEMAPHORE_AGENT_TOKEN: registrationToken,
  });
  expect(titles(findings, "error").filter((title) => title.includes("resolved"))).toEqual([]);
  const calls = (await scene.hub.calls()).map(({ endpoint }) => endpoint);
  expect(calls).toEqual(["metrics"]);
});

test("doctor reports all problems of a machine with remedies and exits with status 1", async () => {
  await using tester = await createTester();
  await tester.write(".bash_profile", "read answer </dev/tty\n");
  await tester.write("signalman.config.yaml", "log-level: loud\nendpiont: acme.example\n");
  const { exitCode, stdout } = await tester.run(
    [
      "doctor",
      "--config-file",
      "signalman.config.yaml",
      "--timeout",
      "1",
      "--endpoint",
      "127.0.0.1:1",
      "--name",
      "build.host.example",
      "--pre-job-hook-path",
      "gone",
      "--executors",
      "shell=nowhere",
      "--upload-job-logs",
      "always",
    ],
    { env: { SEMAPHORE_AGENT_TOKEN: "word of two", HTTPS_PROXY: "", https_proxy: "" } },
  );
  expect(exitCode).toBe(1);
  for (const text of [
    "Unrecognized option 'endpiont'",
    'received "loud"',
    "the login shell was not ready after",
    "does not contain a token",
    `'build.host.example' contains "."`,
    '"127.0.0.1:1" refuses connections',
    'no plugin provides the executor "nowhere"',
    "program `artifact` not found",
    'the script "gone" of "pre-job-hook-path" cannot be run',
  ]) {
    expect(stdout).toContain(text);
  }
  expect(stdout).not.toContain("word of two");
  const remedies = stdout.match(/^ {11}remedy: /gm) ?? [];
  expect(remedies.length).toBe(stdout.match(/^ {2}(error|warning) /gm)?.length ?? 0);
});

test("config migrate converts the file of another agent to one that doctor accepts", async () => {
  await using tester = await createTester();
  await tester.write(
    "old/config.yaml",
    'endpoint: "127.0.0.1:1"\ntoken: registration-a1b2\nno-https: true\n',
  );
  const migrated = await tester.run(["config", "migrate", "--from", "old", "--write", "new.yaml"]);
  expect({ exitCode: migrated.exitCode, stderr: migrated.stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(migrated.stdout).not.toContain("registration-a1b2");
  const { stdout } = await tester.run(["doctor", "--config-file", "new.yaml"]);
  expect(stdout).toContain("new.yaml");
  expect(stdout).toContain('control plane: "127.0.0.1:1"');
});

async function diagnose(
  tester: Tester,
  env: Readonly<Record<string, string>>,
): Promise<Finished & { readonly findings: readonly Finding[] }> {
  const finished = await tester.run(["doctor", "--json"], { env });
  return { ...finished, findings: (JSON.parse(finished.stdout) as { findings: Finding[] }).findings };
}

function titles(findings: readonly Finding[], level: string): string[] {
  return findings.filter((finding) => finding.level === level).map(({ title }) => title);
}
