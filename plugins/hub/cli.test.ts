import { expect, test } from "bun:test";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import type { Hub } from "./contract.ts";
import { createForeignAgent, goodLog, push } from "./foreign-agent.ts";
import { createHub } from "./hub.ts";

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program in a directory of its own. */
async function signalman(hub: Hub, args: readonly string[], stdin = ""): Promise<Ended> {
  await using tmp = await tmpdir();
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

/** Runs what is queued, and reports this. */
async function work(hub: Hub, result: string): Promise<void> {
  const { id } = await hub.until(() => hub.jobs.find(({ state }) => state === "queued"));
  const agent = await createForeignAgent(hub);
  const logger = await agent.take(id);
  await push(logger, 0, goodLog("one\n").slice(0, 3));
  await push(logger, 3, goodLog("one\n").slice(3));
  await agent.sync("finished-job", { job_id: id, job_result: result });
  await agent.disconnect();
}

test("a job is submitted and followed, and the exit status is its result", async () => {
  await using hub = await createHub({ syncIntervalMs: 0 });
  const submit = ["hub", "submit", "-", "--follow"];
  const [passed] = await Promise.all([signalman(hub, submit, "commands: [make]"), work(hub, "passed")]);
  expect(passed).toMatchObject({ exitCode: 0, stderr: `job ${hub.jobs[0]!.id}\n` });
  expect(passed.stdout).toContain("▸ make\none\n");
  const [failed] = await Promise.all([
    signalman(hub, [...submit, "--json"], "commands: [make]"),
    work(hub, "failed"),
  ]);
  expect(failed.exitCode).toBe(1);
  expect(failed.stdout).toBe(
    goodLog("one\n")
      .map((line) => `${line}\n`)
      .join(""),
  );
  expect(hub.violations.list).toEqual([]);
});

test("jobs and agents are listed, a job is shown and stopped by the beginning of its id, an agent shut down", async () => {
  await using hub = await createHub({ syncIntervalMs: 0 });
  await createForeignAgent(hub);
  const submitted = await signalman(hub, ["hub", "submit", "-"], "name: the job\ncommands: [make]");
  const { id } = hub.jobs[0]!;
  expect(submitted).toEqual({ exitCode: 0, stdout: `${id}\n`, stderr: "" });
  expect((await signalman(hub, ["hub", "jobs"])).stdout).toContain(id);
  expect((await signalman(hub, ["hub", "agents", "--json"])).stdout).toContain('"name":"foreign-agent"');
  expect((await signalman(hub, ["hub", "stop", id.slice(0, 8)])).stdout).toBe(`${id} finished: stopped\n`);
  const followed = await signalman(hub, ["hub", "log", id.slice(0, 8), "--follow"]);
  expect(followed).toMatchObject({ exitCode: 130, stdout: "stopped: stopped by the user\n" });
  await signalman(hub, ["hub", "shutdown", "foreign-agent"]);
  expect(hub.agents[0]!.isDisabled).toBe(true);
});

test("violations make an exit status of 1, and faults come and go", async () => {
  await using hub = await createHub({ syncIntervalMs: 0 });
  expect(await signalman(hub, ["hub", "violations"])).toMatchObject({
    exitCode: 0,
    stdout: "no violations\n",
  });
  const agent = await createForeignAgent(hub);
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
  [["hub", "log", "nothing"], 2, 'no job has the id "nothing"'],
  [["hub", "shutdown", "nobody"], 2, 'there is no agent "nobody"'],
  [["hub", "faults", "--count", "3"], 2, 'a fault needs "--kind"'],
  [["hub", "faults", "--kind", "cut", "--probability", "2"], 2, '"--probability" takes a number from 0 to 1'],
  [["hub", "jobs", "--hub", "127.0.0.1:1"], 1, 'no hub answers at "http://127.0.0.1:1"'],
  [["hub", "--sync-interval", "5-1"], 2, "takes the shorter time first"],
  [["hub", "wait"], 2, '"hub" has no place for "wait"'],
])("%p is refused with the status %d", async (args, exitCode, message) => {
  await using hub = await createHub();
  const ended = await signalman(hub, args, "commands: 5");
  expect(ended.exitCode).toBe(exitCode);
  expect(ended.stderr).toContain(message);
});

test("the hub says where it is, what it wants of agents, and leaves when it is asked to", async () => {
  await using tmp = await tmpdir();
  const main = join(import.meta.dir, "..", "..", "src", "main.ts");
  const child = Bun.spawn([process.execPath, main, "hub", "--port", "0"], {
    cwd: tmp.path,
    env: { ...process.env, SEMAPHORE_AGENT_TOKEN: "given-token" },
    stdout: "pipe",
  });
  let text = "";
  for await (const bytes of child.stdout) {
    text += new TextDecoder().decode(bytes);
    if (text.includes("an agent:")) break;
  }
  expect(text).toMatch(/^hub listening on 127\.0\.0\.1:\d+\nregistration token: given-token\n/);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

test("a port that is taken is refused with its number", async () => {
  await using hub = await createHub();
  const port = Number(hub.endpoint.split(":")[1]);
  await expect(createHub({ listen: { port } })).rejects.toMatchObject({
    code: "USAGE_INVALID",
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
});

test("no page in a browser gets at jobs, whatever it calls this machine", async () => {
  await using hub = await createHub();
  const submit = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${hub.url}/hub/jobs`, { method: "POST", headers, body: "commands: []" })).status;
  expect(await submit({ Origin: "http://evil.example" })).toBe(403);
  expect(await submit({ "Sec-Fetch-Site": "cross-site" })).toBe(403);
  expect(await submit({ Host: "evil.example" })).toBe(403);
  expect(hub.jobs).toEqual([]);
  expect(await submit({})).toBe(201);
});

test("a log is read from any event on, as events or as text, and followed to its end", async () => {
  await using hub = await createHub({ syncIntervalMs: 0 });
  const { id } = await hub.submit("commands: [make]");
  const read = async (query: string): Promise<string> =>
    (await fetch(`${hub.url}/hub/jobs/${id}/log?${query}`)).text();
  const followed = Promise.all([read("follow"), read("follow&format=text")]);
  await work(hub, "passed");
  const lines = goodLog("one\n");
  expect(await followed).toEqual([lines.map((line) => `${line}\n`).join(""), "make\none\n"]);
  expect(await read("from=4")).toBe(`${lines[4]}\n`);
  expect(await read("from=99")).toBe("");
});
