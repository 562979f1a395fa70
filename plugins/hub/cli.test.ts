import { expect, test } from "bun:test";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import type { Hub } from "./contract.ts";
import { createScriptedAgent, validLog, push } from "./testing/scripted-agent.ts";
import { createHub } from "./hub.ts";

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program in an empty working directory. */
async function signalman(
  hub: Pick<Hub, "endpoint">,
  args: readonly string[],
  stdin = "",
  files: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  await using tmp = await tmpdir();
  for (const [name, text] of Object.entries(files)) await Bun.write(join(tmp.path, name), text);
  const main = join(import.meta.dir, "..", "..", "src", "main.ts");
  const child = Bun.spawn([process.execPath, main, ...args], {
    cwd: tmp.path,
    env: { ...process.env, SIGNALMAN_HUB: hub.endpoint, TMPDIR: tmp.path },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr };
}

/** Takes the queued job, pushes a log and reports the result. */
async function runQueuedJob(hub: Hub, result: string): Promise<void> {
  const { id } = await hub.until(() => hub.jobs.find(({ state }) => state === "queued"));
  const agent = await createScriptedAgent(hub);
  const logger = await agent.take(id);
  await push(logger, 0, validLog("one\n").slice(0, 3));
  await push(logger, 3, validLog("one\n").slice(3));
  await agent.sync("finished-job", { job_id: id, job_result: result });
  await agent.disconnect();
}

test("submit --follow shows a job's log and exits with the status of its result", async () => {
  await using hub = await createHub({ syncIntervalMs: 0 });
  const submit = ["hub", "submit", "-", "--follow"];
  const [passed] = await Promise.all([
    signalman(hub, submit, "commands: [make]"),
    runQueuedJob(hub, "passed"),
  ]);
  expect(passed).toMatchObject({ exitCode: 0, stderr: `job ${hub.jobs[0]!.id}\n` });
  expect(passed.stdout).toContain("▸ make\none\n");
  const [failed] = await Promise.all([
    signalman(hub, [...submit, "--json"], "commands: [make]"),
    runQueuedJob(hub, "failed"),
  ]);
  expect(failed.exitCode).toBe(1);
  expect(failed.stdout).toBe(
    validLog("one\n")
      .map((line) => `${line}\n`)
      .join(""),
  );
  expect(hub.violations.list).toEqual([]);
});

test("jobs and agents are listed, a job is shown and stopped by a prefix of its id, an agent is shut down", async () => {
  await using hub = await createHub({ syncIntervalMs: 0 });
  await createScriptedAgent(hub);
  const submitted = await signalman(hub, ["hub", "submit", "-"], "name: the job\ncommands: [make]");
  const { id } = hub.jobs[0]!;
  expect(submitted).toEqual({ exitCode: 0, stdout: `${id}\n`, stderr: "" });
  expect((await signalman(hub, ["hub", "jobs"])).stdout).toContain(id);
  expect((await signalman(hub, ["hub", "agents", "--json"])).stdout).toContain('"name":"scripted-agent"');
  expect((await signalman(hub, ["hub", "stop", id.slice(0, 8)])).stdout).toBe(`${id} finished: stopped\n`);
  const followed = await signalman(hub, ["hub", "log", id.slice(0, 8), "--follow"]);
  expect(followed).toMatchObject({ exitCode: 130, stdout: "stopped: stopped by the user\n" });
  await signalman(hub, ["hub", "shutdown", "scripted-agent"]);
  expect(hub.agents[0]!.isDisabled).toBe(true);
});

test("violations cause exit status 1; fault rules are added and removed", async () => {
  await using hub = await createHub({ syncIntervalMs: 0 });
  expect(await signalman(hub, ["hub", "violations"])).toMatchObject({
    exitCode: 0,
    stdout: "no violations\n",
  });
  const agent = await createScriptedAgent(hub);
  await agent.sync("waiting-for-jobs", { extra: "\u001b[2J" });
  const violations = await signalman(hub, ["hub", "violations"]);
  expect(violations.exitCode).toBe(1);
  expect(violations.stdout).toContain("sync-body");

  const fault = [
    "--kind",
    "status",
    "--status",
    "502",
    "--on",
    "log,sync/*",
    "--probability",
    "0.5",
    "--count",
    "3",
  ];
  await signalman(hub, ["hub", "faults", ...fault]);
  expect(hub.faults.list).toMatchObject([
    { kind: "status", status: 502, on: "log,sync/*", probability: 0.5, count: 3 },
  ]);
  await signalman(hub, ["hub", "faults", "--clear"]);
  expect(hub.faults.list).toEqual([]);
});

test.each([
  [["hub", "submit", "-"], 2, "not a job request"],
  [["hub", "log", "nothing"], 2, 'job "nothing" not found'],
  [["hub", "shutdown", "unknown"], 2, 'agent "unknown" not found'],
  [["hub", "faults", "--count", "3"], 2, 'option "--kind" is required'],
  [
    ["hub", "faults", "--kind", "cut", "--probability", "2"],
    2,
    'for "--probability": expected a number from 0 to 1',
  ],
  [["hub", "jobs", "--hub", "127.0.0.1:1"], 1, 'connection to the hub at "http://127.0.0.1:1" failed'],
  [["hub", "--sync-interval", "5-1"], 2, "expected the shorter time first"],
  [["hub", "wait"], 2, '"hub" has no argument for "wait"'],
])("%p is rejected with exit status %d", async (args, exitCode, message) => {
  await using hub = await createHub();
  const ended = await signalman(hub, args, "commands: 5");
  expect(ended.exitCode).toBe(exitCode);
  expect(ended.stderr).toContain(message);
});

test.each([
  "hub --port 0 --sync-interval 5-1",
  "hub submit -",
  "hub jobs",
  "hub log x",
  "hub stop x",
  "hub agents",
  "hub shutdown x",
  "hub violations",
  "hub faults",
])("%s executes no configuration of the working directory", async (line) => {
  await using hub = await createHub();
  const config = 'console.error("executed"); console.log("executed"); export default { unknown: 1 };';
  const { stdout, stderr } = await signalman(hub, line.split(" "), "commands: [make]", {
    "signalman.config.ts": config,
  });
  expect(stdout + stderr).not.toMatch(/executed|unknown:/);
});

test("the hub prints its address, its token and a command for agents, and exits on SIGTERM", async () => {
  await using tmp = await tmpdir();
  const main = join(import.meta.dir, "..", "..", "src", "main.ts");
  const child = Bun.spawn([process.execPath, main, "hub", "--port", "0"], {
    cwd: tmp.path,
    env: { ...process.env, SEMAPHORE_AGENT_TOKEN: "configured-token" },
    stdout: "pipe",
  });
  let text = "";
  for await (const bytes of child.stdout) {
    text += new TextDecoder().decode(bytes);
    if (text.includes("start an agent:")) break;
  }
  expect(text).toMatch(/^hub listening on 127\.0\.0\.1:\d+\nregistration token: configured-token\n/);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

test("a port that is in use is reported with its number", async () => {
  await using hub = await createHub();
  const port = Number(hub.endpoint.split(":")[1]);
  await expect(createHub({ listen: { port } })).rejects.toMatchObject({
    code: "FILE_FAILED",
    message: `cannot listen on http://127.0.0.1:${port} (--listen, --port): another process listens on it`,
  });
});

test("requests of web pages are rejected, under any name of this machine", async () => {
  await using hub = await createHub();
  const submit = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${hub.url}/hub/jobs`, { method: "POST", headers, body: "commands: []" })).status;
  expect(await submit({ Origin: "http://evil.example" })).toBe(403);
  expect(await submit({ "Sec-Fetch-Site": "cross-site" })).toBe(403);
  expect(await submit({ Host: "evil.example" })).toBe(403);
  expect(hub.jobs).toEqual([]);
  expect(await submit({})).toBe(201);
});

test("a log is read from any event on, as events or as text, and followed until its job is done", async () => {
  await using hub = await createHub({ syncIntervalMs: 0 });
  const { id } = await hub.submit("commands: [make]");
  const read = async (query: string): Promise<string> =>
    (await fetch(`${hub.url}/hub/jobs/${id}/log?${query}`)).text();
  const followed = Promise.all([read("follow"), read("follow&format=text")]);
  await runQueuedJob(hub, "passed");
  const lines = validLog("one\n");
  expect(await followed).toEqual([lines.map((line) => `${line}\n`).join(""), "make\none\n"]);
  expect(await read("from=4")).toBe(`${lines[4]}\n`);
  expect(await read("from=99")).toBe("");
});

/** Starts a server that answers calls with bytes without an end, until the client has gone away. */
function startFlood(encoding: "identity" | "gzip", jobs?: readonly object[]) {
  const text = new TextEncoder().encode(" ".repeat(2 ** 20));
  const chunk = encoding === "gzip" ? Bun.gzipSync(text) : text;
  const flood = () =>
    new Response(new ReadableStream({ pull: (controller) => controller.enqueue(chunk) }), {
      headers: { "Content-Encoding": encoding },
    });
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => (jobs !== undefined && url.endsWith("/jobs") ? Response.json(jobs) : flood()),
  });
  return { endpoint: `127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) };
}

test.each(["identity", "gzip"] as const)(
  "an answer without an end (%s) is an error of the command, which reads 64 MiB of it",
  async (encoding) => {
    await using flood = startFlood(encoding);
    const { exitCode, stdout, stderr } = await signalman(flood, ["hub", "jobs"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toContain("it is larger than 64.0 MiB");
  },
);

test("a log with a line without an end is an error of the command", async () => {
  await using flood = startFlood("identity", [{ id: "some-job" }]);
  const { exitCode, stderr } = await signalman(flood, ["hub", "log", "some-job"]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("sent a line of more than 16 MiB");
});
