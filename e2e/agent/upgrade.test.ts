import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { copyFile, link, readdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { build } from "../../scripts/build.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { createScene, findFile, waitForExit, inHome, jobProcesses, type Scene } from "../support/agents.ts";
import { hasBrowser, startBrowser } from "../support/browser.ts";
import { createCountingJob } from "../support/counting-job.ts";
import { pageOf, shows, showsRow, stepsOf } from "../page/scene.ts";
import { binary, root } from "../support/fixtures.ts";
import { uniqueSeconds, until } from "../support/jobs.ts";

const newerVersion = "99.0.0";
let place: Awaited<ReturnType<typeof tmpdir>>;
let newerBinary: string;

beforeAll(async () => {
  place = await tmpdir();
  newerBinary = path.join(place.path, "newer");
  await build({ entry: path.join(root, "src", "main.ts"), outfile: newerBinary, version: newerVersion });
});
afterAll(() => place[Symbol.asyncDispose]());

const { commands, expectComplete } = createCountingJob(40, 0.03);
const waiting = { commands: [...commands, "while [ ! -e go ]; do sleep 0.05; done"] };

/** Replaces `file` with a program by rename, as an installer does. */
async function install(program: string, file: string): Promise<void> {
  await link(program, `${file}.new`).catch(() => copyFile(program, `${file}.new`));
  await rename(`${file}.new`, file);
}

/** A scene whose agents run a program that can be replaced. */
interface InstalledScene extends Scene {
  /** The path of the installed program. */
  readonly file: string;
  /** Installs the newer program. */
  upgrade(): Promise<void>;
}

async function createInstalledScene(): Promise<InstalledScene> {
  const scene = await createScene();
  const file = inHome(scene, "signalman");
  await install(binary, file);
  return { ...scene, file, upgrade: () => install(newerBinary, file) };
}

const isDeleted = (pid: number) => readlinkSync(`/proc/${pid}/exe`).endsWith(" (deleted)");

describe("the binary is replaced by rename while a job runs", () => {
  test.concurrent("manually, with SIGUSR2: the job finishes on the old code; the new agent reports it and runs the next job", async () => {
    await using scene = await createInstalledScene();
    const { hub, tester } = scene;
    const options = { program: [scene.file] };
    const agent = await scene.readyAgent([], options);
    await scene.upgrade();
    // The old agent starts jobs with the old program, even after it was replaced.
    const id = await hub.submit(waiting);
    await hub.shows(id, "line 5\n");
    const [old] = jobProcesses(id);
    expect([isDeleted(agent.pid), isDeleted(old!)]).toEqual([true, true]);
    agent.kill("SIGUSR2");
    expect((await agent.finished).exitCode).toBe(0);
    const next = scene.agent([], options);
    await next.shows("resumed a job");
    expect([isDeleted(next.pid), jobProcesses(id)]).toEqual([false, [old!]]);
    expect((await tester.run(["version"], options)).stdout).toContain(newerVersion);
    await tester.write("go", "");
    await expectComplete(scene, id);
    const later = await hub.submit({ commands: ["while [ ! -e over ]; do sleep 0.05; done"] });
    await until("the job runs", () => jobProcesses(later).length === 1);
    expect(isDeleted(jobProcesses(later)[0]!)).toBe(false);
    await tester.write("over", "");
    expect((await hub.done(later)).result).toBe("passed");
    expect((await hub.calls()).filter(({ endpoint }) => endpoint === "register")).toHaveLength(1);
  });

  test.concurrent("as a service: a restart (SIGUSR2 to the main process) keeps the job running, a stop (SIGTERM) interrupts it", async () => {
    await using scene = await createInstalledScene();
    const { hub, tester } = scene;
    // Like systemd with Restart=always, this restarts the program whenever its main process has exited.
    const supervisor = `while [ ! -e stopped ]; do "$@" & echo $! > main; wait $!; echo $? >> statuses; done`;
    const program = ["bash", "-c", supervisor, "supervisor", scene.file];
    const running = await scene.readyAgent([], { program });
    const signalMain = async (signal: NodeJS.Signals): Promise<void> =>
      void process.kill(Number(await readFile(inHome(scene, "main"), "utf8")), signal);
    const statuses = async () => (await readFile(inHome(scene, "statuses"), "utf8").catch(() => "")).trim();

    const id = await hub.submit(waiting);
    await hub.shows(id, "line 5\n");
    await scene.upgrade();
    await signalMain("SIGUSR2");
    await until("the new agent has resumed the job", () => running.stdout.includes("resumed a job"));
    await tester.write("go", "");
    await expectComplete(scene, id);

    const word = uniqueSeconds();
    const stopped = await hub.submit({ commands: [`echo started; sleep ${word}`] });
    await hub.shows(stopped, "started");
    await tester.write("stopped", "");
    await signalMain("SIGTERM");
    await running.finished;
    await waitForExit(word);
    expect((await hub.done(stopped)).result).toBe("stopped");
    expect(await statuses()).toBe("0\n0");
    expect(await hub.agents()).toEqual([]);
  });

  test.skipIf(!hasBrowser)(
    "while pages are open: they go on with the newer program, which shows the rest of the job",
    async () => {
      await using scene = await createInstalledScene();
      await using browser = await startBrowser();
      const { hub } = scene;
      const options = { program: [scene.file] };
      const agent = await scene.readyAgent(["--page-listen", "127.0.0.1:0"], options);
      const url = await pageOf(agent);
      const id = await hub.submit(waiting);
      await hub.shows(id, "line 5\n");
      const [overview, page] = await Promise.all([browser.open(url), browser.open(`${url}/jobs/${id}`)]);
      await showsRow(page, "while [ ! -e go ]");
      await scene.upgrade();
      agent.kill("SIGUSR2");
      await agent.finished;
      for (const each of [overview, page]) await shows(each, "No connection since");
      await scene.readyAgent(["--page-listen", new URL(url).host], options);
      await shows(overview, newerVersion);
      await scene.tester.write("go", "");
      await expectComplete(scene, id);
      await overview.locator("tr", { hasText: "passed" }).waitFor();
      await page.locator(".heading .state", { hasText: "passed" }).waitFor();
      // The job's process, which is still of the older program, has recorded its end.
      const end = /^end of the executor, /;
      await until("the end is a step", async () => (await stepsOf(page)).some((step) => end.test(step)));
      expect(browser.faults).toEqual([]);
    },
  );
});

/** Reads all documents in the state directory. Logs are not included, since running jobs write to them. */
async function readState(scene: Scene): Promise<Record<string, string>> {
  const files = await readdir(scene.stateDirectory, { recursive: true, withFileTypes: true });
  const documents = files.filter(({ name }) => name.endsWith(".json"));
  const entries = documents.map(async ({ parentPath, name }) => {
    const file = path.join(parentPath, name);
    return [path.relative(scene.stateDirectory, file), await readFile(file, "utf8")] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** A scene with a running job whose agent was killed. */
interface OrphanScene extends Scene {
  readonly id: string;
}

async function createOrphanScene(): Promise<OrphanScene> {
  const scene = await createScene();
  const agent = await scene.readyAgent();
  const id = await scene.hub.submit(waiting);
  await scene.hub.shows(id, "line 40\n");
  agent.kill("SIGKILL");
  await agent.finished;
  return { ...scene, id };
}

const toNewerVersion = (text: string) => text.replace('"version":1', '"version":2');
const toNewerProtocol = (text: string) => text.replace('"document":{"version":1', '"document":{"version":2');

describe("the state of a newer program", () => {
  test.concurrent.each([
    ["registration", "registration.json", toNewerVersion],
    ["request of a job", "request.json", toNewerVersion],
    ["record of a job's process", "process.json", toNewerVersion],
    ["record of a job's process with another socket protocol", "process.json", toNewerProtocol],
    ["cursor of a delivery", "delivery.json", toNewerVersion],
  ])(
    "%s: an older agent reports the reason, changes nothing and exits; the newer agent resumes the job",
    async (_, name, toNewer) => {
      await using scene = await createOrphanScene();
      const { id, tester } = scene;
      const file = findFile(scene, name);
      const text = await readFile(file, "utf8");
      await writeFile(file, toNewer(text));
      const before = await readState(scene);

      const { exitCode, stderr } = await scene.agent().finished;
      expect(exitCode).toBe(1);
      expect(stderr).toContain("has version 2, and this program supports 1");
      expect(stderr).toContain("nothing was changed");
      expect(await readState(scene)).toEqual(before);
      expect(jobProcesses(id)).toHaveLength(1);

      await writeFile(file, text);
      scene.agent();
      await tester.write("go", "");
      await expectComplete(scene, id);
    },
  );

  test.concurrent("a job's socket with a newer protocol is reported, and the job's log is delivered from disk", async () => {
    await using scene = await createOrphanScene();
    const { id, tester } = scene;
    const socket = inHome(scene, "newer.sock");
    using _server = Bun.listen({
      unix: socket,
      socket: { data: (connection) => void connection.end('{"is":"refused","version":2}\n') },
    });
    const file = findFile(scene, "process.json");
    const record = JSON.parse(await readFile(file, "utf8")) as { document: object };
    await writeFile(file, JSON.stringify({ ...record, document: { ...record.document, socket } }));
    const next = scene.agent();
    await next.shows("the job's process speaks version 2, and this program 1");
    await tester.write("go", "");
    await expectComplete(scene, id);
  });

  test.concurrent("logs of reported jobs are listed and shown, and do not prevent the start", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const agent = await scene.readyAgent();
    const id = await hub.submit({ commands: ["echo hello"] });
    await hub.done(id);
    agent.kill("SIGTERM");
    await agent.finished;
    const result = findFile(scene, "result.json");
    await writeFile(result, toNewerVersion(await readFile(result, "utf8")));
    const spool = findFile(scene, "events.ndjson");
    await writeFile(spool, `${await readFile(spool, "utf8")}{"event":"job_annotated","text":"x"}\n`);
    const options = ["--state-dir", scene.stateDirectory];
    const list = await tester.run(["logs", ...options]);
    expect({ exitCode: list.exitCode, line: list.stdout.includes("unknown") }).toEqual({
      exitCode: 0,
      line: true,
    });
    const shown = await tester.run(["logs", id, ...options]);
    expect({ exitCode: shown.exitCode, hello: shown.stdout.includes("\nhello\n") }).toEqual({
      exitCode: 0,
      hello: true,
    });
    const next = await scene.readyAgent();
    next.kill("SIGTERM");
    expect((await next.finished).exitCode).toBe(0);
  });
});
