import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { type JobResult, jobSource, logBackend } from "signalman";
import {
  createDummyAdmission,
  createDummyJobs,
  createDummySignals,
  createDummyState,
  silentLogger,
  testJobSource,
  testLogBackend,
  testPlugin,
  tmpdir,
  toEvents,
} from "signalman/testing";
import plugin from "./index.ts";
import { openLogFile } from "./log-file.ts";
import { createFolderSource } from "./source.ts";

const toSource = (directory: string) => createFolderSource({ directory, "poll-interval": 0.005 });

testJobSource({
  name: "folder",
  async create() {
    const directory = await tmpdir();
    const results: { jobId: string; result: JobResult }[] = [];
    const done = join(directory.path, "done");
    const submit = (text: string): string => {
      const id = randomUUID();
      // Jobs appear by rename, so that none is read half.
      writeFileSync(join(directory.path, id), text);
      renameSync(join(directory.path, id), join(directory.path, `${id}.yaml`));
      return id;
    };
    return {
      open: () => toSource(directory.path),
      submit: () => submit("name: a job\ncommands: [echo hello]\n"),
      submitInvalid: () => submit("commands: 17\n"),
      results() {
        const ids = existsSync(done) ? readdirSync(done).filter((name) => /^[^.].*\.json$/.test(name)) : [];
        for (const file of ids) {
          const { id, result } = JSON.parse(readFileSync(join(done, file), "utf8")) as Result;
          if (!results.some(({ jobId }) => jobId === id)) results.push({ jobId: id, result });
        }
        return results;
      },
      stop: (id) => writeFileSync(join(directory.path, "running", `${id}.stop`), ""),
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  },
  createBroken: () => toSource("/proc/no-such-directory"),
});

testLogBackend({
  name: "folder",
  async create() {
    const directory = await tmpdir();
    const file = join(directory.path, "log.ndjson");
    return {
      open: (context) => openLogFile(file, context),
      received: async () => toEvents(await readFile(file, "utf8").catch(() => "")),
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  },
});

test("the plugin provides the source, and the log backend of its jobs", async () => {
  await using directory = await tmpdir();
  await using t = await testPlugin(plugin, { config: { directory: directory.path } });
  expect(t.use(jobSource, "folder").identity).toBe(directory.path);
  expect(t.use(logBackend, "folder").open).toBeFunction();
  await expect(testPlugin(plugin)).rejects.toThrow("folder: is required");
});

test("a job that was claimed and not started is started after a restart", async () => {
  await using directory = await tmpdir();
  const id = randomUUID();
  mkdirSync(join(directory.path, "running"));
  writeFileSync(join(directory.path, "running", `${id}.yaml`), "commands: [make]\n");
  const documents = new Map([["claim", JSON.stringify({ id })]]);
  const agent = start(directory.path, documents);
  const job = await agent.jobs.at(0);
  expect(job.request).toMatchObject({ id, commands: [{ directive: "make" }], logger: { method: "folder" } });
  agent.drain();
  job.finish("passed");
  expect(await agent.reason).toBe("requested");
  expect(readdirSync(join(directory.path, "done")).toSorted()).toEqual([`${id}.json`, `${id}.yaml`]);
  expect(documents.size).toBe(0);
});

test("a result is written once the directory is back", async () => {
  await using directory = await tmpdir();
  const agent = start(directory.path);
  const [away, done] = [join(directory.path, "away"), join(directory.path, "done")];
  writeFileSync(join(directory.path, "job.yaml"), "commands: [make]\n");
  const job = await agent.jobs.at(0);
  renameSync(done, away);
  agent.drain();
  job.finish("failed");
  while (!agent.errors.some((message) => message.includes("could not be written"))) await Bun.sleep(2);
  expect(job.isReleased).toBe(false);
  renameSync(away, done);
  await agent.reason;
  expect(job.isReleased).toBe(true);
  expect(existsSync(join(done, `${job.request.id}.json`))).toBe(true);
});

test("a directory that is gone is reported as a failed sync", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "jobs");
  const agent = start(path);
  rmSync(path, { recursive: true });
  while (!agent.syncErrors.some((error) => error?.includes("ENOENT"))) await Bun.sleep(2);
  agent.drain();
  await agent.reason;
});

interface Result {
  readonly id: string;
  readonly result: JobResult;
}

/** Runs a source with its state in memory. */
function start(directory: string, documents = new Map<string, string>()) {
  const jobs = createDummyJobs();
  const { signals, drain } = createDummySignals();
  const errors: string[] = [];
  const syncErrors: (string | undefined)[] = [];
  const reason = toSource(directory).run({
    version: "v1.2.3",
    slot: 0,
    slots: 1,
    logger: { ...silentLogger, error: (message) => void errors.push(message) },
    state: createDummyState(documents),
    jobs,
    signals,
    admission: createDummyAdmission().admission,
    registered: async () => {},
    synced: ({ error }) => void syncErrors.push(error),
    draining: async () => {},
  });
  return { jobs, drain, errors, syncErrors, reason };
}
