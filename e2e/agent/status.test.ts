import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { AgentStatus } from "../../src/core/contracts/agent-status.ts";
import { createScene, type Scene } from "../support/agents.ts";
import { binary, createTester, type StartOptions } from "../support/fixtures.ts";
import { until } from "../support/jobs.ts";

const statusOf = (scene: Scene, args: readonly string[] = []) =>
  scene.tester.run(["status", "--state-dir", scene.stateDirectory, ...args]);

test.concurrent("without an agent, status prints a message or an empty list and exits with status 1", async () => {
  await using tester = await createTester();
  const place = path.join(tester.home, "nothing");
  expect(await tester.run(["status", "--state-dir", place])).toEqual({
    exitCode: 1,
    stdout: `no agent is running in the state directory ${place} (--state-dir selects another)\n`,
    stderr: "",
  });
  const { exitCode, stdout } = await tester.run(["status", "--json", "--state-dir", place]);
  expect([exitCode, stdout]).toEqual([1, "[]\n"]);
});

test.concurrent("an agent is shown with its slots, in text and in JSON", async () => {
  await using scene = await createScene();
  const agent = await scene.readyAgent(["--name", "agent-to-show"]);
  await until("the agent has synced", async () => (await statusOf(scene)).stdout.includes(" ago"));
  const { exitCode, stdout } = await statusOf(scene);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(
    /^signalman \S+, pid \d+, up \d+ s, state in .*agent-to-show\nslot .*\n1 +agent-to-show +waiting/,
  );
  const [status] = JSON.parse((await statusOf(scene, ["--json"])).stdout) as AgentStatus[];
  expect([status?.pid, status?.slots[0]?.name]).toEqual([agent.pid, "agent-to-show"]);
});

const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";

const watchStatus = (scene: Scene, options: StartOptions = {}, ...args: string[]) =>
  scene.tester.start(["status", "--watch", "--state-dir", scene.stateDirectory, ...args], options);

/** The drawings of a full screen, without styles. */
const toScreens = (stdout: string) =>
  stdout
    .split("\u001b[H")
    .slice(1)
    .map((screen) => Bun.stripANSI(screen).split(/\r+\n/));

test.concurrent.each([80, 40])(
  "in a terminal of %d columns, --watch refreshes the status until Ctrl-C",
  async (columns) => {
    await using scene = await createScene();
    await scene.readyAgent(["--name", "agent-to-watch"]);
    const watch = watchStatus(scene, { isTerminal: true, columns });
    await until(
      "the status was shown three times",
      () => watch.stdout.split("\u001b[H  signalman ").length > 3,
    );
    for (const lines of toScreens(watch.stdout)) {
      expect(lines.length).toBeLessThanOrEqual(24);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    }
    watch.type("\u0003");
    const { exitCode, stdout } = await watch.finished;
    expect(exitCode).toBe(130);
    expect(stdout).toStartWith(enter);
    expect(stdout).toEndWith(leave);
  },
);

test.concurrent("--watch marks changes, shows the restart of an agent, follows a resize, and ends at q", async () => {
  await using scene = await createScene();
  const first = await scene.readyAgent(["--name", "agent-one"]);
  const watch = watchStatus(scene, { isTerminal: true }, "0.2");
  await watch.shows("agent-one");
  first.kill("SIGKILL");
  await until("the agent is gone", () => watch.stdout.includes("\u001b[1m* agent gone for"));
  const second = await scene.readyAgent(["--name", "agent-one"]);
  await watch.shows(`pid ${second.pid}`);
  watch.resize(30, 5);
  await until("the screen is redrawn", () => {
    const lines = toScreens(watch.stdout).at(-1)!;
    return lines.length <= 5 && lines.every((line) => Bun.stringWidth(line) <= 30);
  });
  watch.type("q");
  const { exitCode, stdout } = await watch.finished;
  expect(exitCode).toBe(0);
  expect(stdout).toEndWith(leave);
});

test.concurrent("the terminal is restored when --watch is terminated", async () => {
  await using scene = await createScene();
  const command = `stty -a > before; "$0" status --watch --state-dir "$1" & wait $!; stty -a > after; cmp before after && echo same`;
  const watch = scene.tester.start(
    ["-c", `set -m; ${command.replace(" & wait $!", "")}`, binary, scene.stateDirectory],
    {
      program: ["bash"],
      isTerminal: true,
    },
  );
  await watch.shows("no agent is running");
  const [child] = (await scene.tester.exec(["pgrep", "-P", String(watch.pid)])).stdout.trim().split("\n");
  process.kill(Number(child), "SIGTERM");
  await watch.shows("same");
  expect((await watch.finished).stdout).toContain(leave);
});

test.concurrent.each<[string, StartOptions]>([
  ["in a pipe", {}],
  ["with TERM=dumb", { isTerminal: true, env: { TERM: "dumb" } }],
  ["with CI", { isTerminal: true, env: { CI: "1" } }],
])("%s, --watch prints the status after each change, without control sequences", async (_, options) => {
  await using scene = await createScene();
  const agent = await scene.readyAgent(["--name", "agent-to-watch"]);
  const watch = watchStatus(scene, options, "0.2");
  await watch.shows("agent-to-watch");
  agent.kill("SIGKILL");
  await watch.shows("agent gone for");
  watch.kill("SIGINT");
  const { stdout } = await watch.finished;
  // oxlint-disable-next-line no-control-regex
  expect(stdout.replaceAll("\r\n", "\n")).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
  expect(stdout.split("agent gone for")).toHaveLength(2);
  // Registered, synced: each state is printed once.
  expect(stdout.split("signalman ").length).toBeLessThanOrEqual(4);
});

test.concurrent.each([
  [["5"], '"5" needs --watch'],
  [["--watch", "0.1"], 'invalid interval "0.1": expected seconds from 0.2 to 3600'],
  [["--watch", "often"], 'invalid interval "often"'],
])("refuses %j", async (args, message) => {
  await using tester = await createTester();
  const { exitCode, stderr } = await tester.run(["status", "--state-dir", tester.home, ...args]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(message);
});

test.concurrent("--watch exits when its output is closed", async () => {
  await using scene = await createScene();
  await scene.readyAgent();
  const command = `"$0" status --watch --json --state-dir "$1" | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const { stdout } = await scene.tester.exec(["bash", "-c", command, binary, scene.stateDirectory]);
  const [json, exitCode] = stdout.trim().split("\n");
  expect(JSON.parse(json!)).toHaveLength(1);
  expect(exitCode).toBe("0");
});

test.concurrent("an agent that does not answer is reported after 2 s", async () => {
  await using scene = await createScene();
  const agent = await scene.readyAgent(["--name", "agent-asleep"]);
  agent.kill("SIGSTOP");
  const { exitCode, stdout } = await statusOf(scene);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(
    new RegExp(
      `^agent in .*agent-asleep \\(pid ${agent.pid}\\) did not report its status: no answer within 2 s\\n$`,
    ),
  );
  const json = await statusOf(scene, ["--json"]);
  expect([json.exitCode, json.stdout]).toEqual([1, "[]\n"]);
  expect(json.stderr).toContain("agent-asleep");
  agent.kill("SIGCONT");
  expect((await statusOf(scene)).exitCode).toBe(0);
});

test.concurrent("the files of a killed agent are ignored, and the next agent is shown", async () => {
  await using scene = await createScene();
  const first = await scene.readyAgent();
  first.kill("SIGKILL");
  await first.finished;
  expect((await statusOf(scene)).stdout).toStartWith("no agent is running in the state directory ");
  await scene.readyAgent();
  expect((await statusOf(scene)).exitCode).toBe(0);
});

test.concurrent("a state directory can have a long path", async () => {
  await using scene = await createScene();
  const place = path.join(scene.tester.home, "x".repeat(120), "y".repeat(120));
  await mkdir(place, { recursive: true });
  const agent = await scene.readyAgent(["--state-dir", place, "--name", "agent-far-away"]);
  const { exitCode, stdout } = await scene.tester.run(["status", "--state-dir", place]);
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining("agent-far-away")]);
  const id = await scene.hub.submit({ commands: ["echo hello"] });
  expect((await scene.hub.done(id)).result).toBe("passed");
  agent.kill("SIGTERM");
  expect((await agent.finished).exitCode).toBe(0);
});

test.concurrent("an unreadable state directory is an error", async () => {
  await using tester = await createTester();
  const place = path.join(tester.home, "file");
  await tester.write("file/agents", "this is no directory");
  const { exitCode, stderr } = await tester.run(["status", "--state-dir", place]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("agents could not be listed: ENOTDIR");
});
