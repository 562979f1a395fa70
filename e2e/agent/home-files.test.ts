import { describe, expect, test } from "bun:test";
import { lstat, rm } from "node:fs/promises";
import path from "node:path";
import { createScene } from "../support/agents.ts";
import { createTester } from "../support/fixtures.ts";
import { expectJobPasses } from "../support/gated-job.ts";
import { createHostedScene, toBase64 } from "../serve/hosted-client.ts";
import { outline, until } from "../support/jobs.ts";
import { programOf, users } from "../support/users.ts";

/** Files of the home that the agent, its plugins or `doctor` read. */
const homeFiles = ["~/.docker/config.json", "~/.kube/config", "~/.ssh/known_hosts", "~/.ssh/authorized_keys"];
const makeDirectories = "mkdir -p ~/.docker ~/.kube ~/.ssh";

/** Commands that replace these files by what a reader would wait for, or never reach the end of. */
const attacks = [
  ["FIFOs", `${makeDirectories}; mkfifo ${homeFiles.join(" ")}`],
  ["links to a device", `${makeDirectories}; for f in ${homeFiles.join(" ")}; do ln -s /dev/zero $f; done`],
  ["files of 10 GiB", `${makeDirectories}; truncate -s 10G ${homeFiles.join(" ")}`],
] as const;

describe.each(users)("as $user, after a job has replaced files of its home by", ({ as }) => {
  test.each(attacks)("%s, the next agent starts and runs jobs, and doctor ends", async (_, command) => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const program = await programOf(tester, as);
    const first = await scene.readyAgent([], { program });
    const id = await hub.submit({ commands: [command] });
    expect((await hub.done(id)).result).toBe("passed");
    first.kill("SIGTERM");
    await first.finished;
    const agent = await scene.readyAgent([], { program });
    await expectJobPasses(scene);
    const doctor = await tester.run(["doctor", "--state-dir", scene.stateDirectory], { program });
    expect(doctor.stdout).toContain(`running agents: pid ${agent.pid}`);
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
  });
});

test("a FIFO in the place of the token's file is named, and the agent exits", async () => {
  await using tester = await createTester();
  await tester.exec(["mkfifo", "token"]);
  const args = ["start", "--endpoint", "control-plane.invalid", "--token-file", "token"];
  const { exitCode, stdout, stderr } = await tester.run(args);
  expect(exitCode).toBe(1);
  expect(stdout + stderr).toContain(
    'token-file "token" cannot be read: it is a FIFO, and a file is expected',
  );
});

test("a FIFO in the place of a plugin's file is named, and the agent exits", async () => {
  await using tester = await createTester();
  await tester.exec(["mkfifo", "plugin.ts"]);
  const config = await tester.write("config.yaml", "plugins:\n  ./plugin.ts: {}\n");
  const args = ["start", "--config-file", config, "--endpoint", "control-plane.invalid", "--token", "t"];
  const { exitCode, stderr } = await tester.run(args);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`"${tester.home}/plugin.ts" is a FIFO, and a file is expected; remove it`);
});

test("a FIFO in the place of a command's file does not delay the job", async () => {
  await using scene = await createScene();
  await scene.readyAgent();
  const attack = 'f=${BASH_SOURCE[0]}; rm -f "$f"; mkfifo "$f"; true';
  const id = await scene.hub.submit({ commands: [attack, "echo next"] });
  expect((await scene.hub.done(id)).result).toBe("passed");
  expect(outline(await scene.hub.log(id)).join("\n")).toContain("[echo next] 0: next");
});

describe("hosted mode", () => {
  test("answers when a job has replaced the agent's log by a FIFO", async () => {
    await using scene = await createHostedScene();
    const log = path.join(scene.tester.temporary, "agent_log");
    await scene.submit({ job_id: "fifo", commands: [`rm -f ${log}; mkfifo ${log}`, "sleep 600"] });
    await until(
      "the log is replaced",
      async () => (await lstat(log).catch(() => undefined))?.isFIFO() ?? false,
    );
    expect((await scene.call("GET", "/agent_logs")).status).toBe(404);
    expect((await scene.call("GET", "/is_alive")).status).toBe(200);
    await scene.call("POST", "/jobs/terminate");
    expect(await scene.callbacks.has("finished")).toBe('{"result":"stopped"}');
    await rm(log);
  });

  test("refuses a job with SSH keys when authorized_keys is a FIFO, and answers", async () => {
    await using scene = await createHostedScene();
    await scene.tester.exec(["sh", "-c", "mkdir -p ~/.ssh && mkfifo ~/.ssh/authorized_keys"]);
    const keys = { ssh_public_keys: [toBase64("ssh-ed25519 AAAA someone")] };
    await scene.submit({ job_id: "keys", commands: ["true"], ...keys });
    await until("the job has failed", async () =>
      JSON.stringify(await scene.log("keys")).includes("it is a FIFO, and a file is expected"),
    );
    expect((await scene.call("GET", "/is_alive")).status).toBe(200);
  });
});
