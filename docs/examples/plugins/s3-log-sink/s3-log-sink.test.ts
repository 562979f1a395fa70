import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { logSink, type LogSinkContext } from "signalman";
import {
  createJobSpool,
  createRecordingLogger,
  jobEvents,
  jobRequest,
  type JobSpool,
  testPlugin,
} from "signalman/testing";
import plugin from "./index.ts";
import { credentials, openS3Double, type S3Double } from "./testing/s3-double.ts";
import { createStore } from "./store.ts";

const optionsFor = ({ endpoint }: S3Double) => ({
  bucket: "logs",
  endpoint,
  region: credentials.region,
  "access-key-id": credentials.accessKeyId,
  "secret-access-key": credentials.secretAccessKey,
  "session-token": undefined,
  prefix: "ci/logs/",
  gzip: false,
  "retry-delay": 0,
});

/** Starts to store the log of a job while it is written. */
function begin(s3: S3Double, spool: JobSpool, overrides: Partial<ReturnType<typeof optionsFor>> = {}) {
  const logger = createRecordingLogger();
  const ending = new AbortController();
  const openReader = () => spool.reader();
  const job = jobRequest({ id: "j-1" });
  const context: LogSinkContext = { job, logger, spool: openReader(), slot: 0, openReader };
  const stored = createStore({ ...optionsFor(s3), ...overrides }).storeLog(context, ending.signal);
  const logs = () => logger.entries.map(({ level, message }) => `${level}: ${message}`);
  return { stored, logs, abort: () => ending.abort(new Error("the time is over")) };
}

const lines = (count: number, length = 1_000_000) =>
  Array.from({ length: count }, (_, index) => `${index} `.padEnd(length, "x"));

async function expectWhole(s3: S3Double, spool: JobSpool): Promise<void> {
  const stored = s3.objects.get("ci/logs/j-1.ndjson");
  expect(stored?.type).toBe("application/x-ndjson");
  expect(stored?.bytes.equals(await readFile(spool.path))).toBe(true);
  expect(s3.openUploads).toBe(0);
}

describe("a job's log", () => {
  test("is stored completely under its job's id when the job has ended, and not before", async () => {
    await using s3 = openS3Double();
    await using spool = await createJobSpool(jobEvents(["one"]).slice(0, 3));
    const { stored, logs } = begin(s3, spool);
    await Bun.sleep(20);
    expect(s3.objects.size).toBe(0);
    spool.append(...jobEvents(["one"]).slice(3));
    spool.close();
    await stored;
    await expectWhole(s3, spool);
    expect(logs()).toEqual(["info: stored the job's log"]);
  });

  test("is uploaded in parts while the job writes it", async () => {
    await using s3 = openS3Double();
    await using spool = await createJobSpool(jobEvents(lines(12)));
    const { stored } = begin(s3, spool);
    while (s3.calls.filter((call) => call === "PUT part").length < 2) await Bun.sleep(5);
    spool.append({ event: "cmd_output", timestamp: 1, output: "the last words" });
    spool.close();
    await stored;
    await expectWhole(s3, spool);
    expect(s3.calls.at(-1)).toBe("POST complete");
  });

  test("can be compressed", async () => {
    await using s3 = openS3Double();
    await using spool = await createJobSpool(jobEvents(lines(3)));
    spool.close();
    await begin(s3, spool, { gzip: true, prefix: "" }).stored;
    const stored = s3.objects.get("j-1.ndjson.gz");
    expect(stored?.type).toBe("application/gzip");
    expect(gunzipSync(stored!.bytes).equals(await readFile(spool.path))).toBe(true);
  });

  test("is stored again completely by an agent that resumes the job after a crash", async () => {
    await using s3 = openS3Double();
    await using spool = await createJobSpool(jobEvents(lines(7)));
    const first = begin(s3, spool);
    while (!s3.calls.includes("PUT part")) await Bun.sleep(5);
    const second = begin(s3, spool);
    spool.close();
    await Promise.all([first.stored, second.stored]);
    await expectWhole(s3, spool);
  });
});

describe("a store that fails", () => {
  test("temporarily gets the complete log, from its beginning", async () => {
    await using s3 = openS3Double();
    await using spool = await createJobSpool(jobEvents(lines(12)));
    s3.fail(9, 503, "SlowDown");
    const { stored, logs } = begin(s3, spool);
    while (s3.calls.filter((call) => call === "PUT part").length < 1) await Bun.sleep(5);
    s3.fail(30, 500, "InternalError");
    spool.append(...jobEvents(lines(6)));
    spool.close();
    await stored;
    await expectWhole(s3, spool);
    expect(logs()).toContain(
      "warn: the job's log could not be stored, retrying: error SlowDown of the double (SlowDown)",
    );
    expect(logs().at(-1)).toBe("info: stored the job's log");
  });

  test.each([
    [{ "secret-access-key": "wrong" }, "SignatureDoesNotMatch"],
    [{ "access-key-id": "wrong" }, "InvalidAccessKeyId"],
    [{ region: "elsewhere" }, "AuthorizationHeaderMalformed"],
    [{ bucket: "nowhere" }, "NoSuchBucket"],
  ])("permanently gets one attempt and does not delay the job: %j", async (wrong, code) => {
    await using s3 = openS3Double();
    await using spool = await createJobSpool(jobEvents());
    spool.close();
    const { bucket = "logs" } = wrong as { bucket?: string };
    await expect(begin(s3, spool, wrong).stored).rejects.toThrow(
      `the log of job j-1 could not be stored in the bucket "${bucket}": error ${code} of the double (${code}) (\`signalman logs j-1\` shows it)`,
    );
  });

  test("by never answering is abandoned when the time is over", async () => {
    await using s3 = openS3Double();
    await using spool = await createJobSpool(jobEvents(lines(12)));
    s3.hang();
    const { stored, abort } = begin(s3, spool);
    spool.close();
    while (s3.calls.length === 0) await Bun.sleep(5);
    abort();
    await expect(stored).rejects.toThrow("could not be stored in the bucket");
  });

  test("with a closed port is retried until the time is over, and logged", async () => {
    const s3 = openS3Double();
    await s3[Symbol.asyncDispose]();
    await using spool = await createJobSpool(jobEvents());
    spool.close();
    const { stored, abort, logs } = begin(s3, spool, { "retry-delay": 0.01 });
    while (logs().length < 2) await Bun.sleep(5);
    abort();
    await expect(stored).rejects.toThrow("could not be stored in the bucket");
    expect(logs()[0]).toContain("ConnectionRefused");
  });
});

test("the plugin provides the sink; its keys are required and may come from the environment", async () => {
  const env = {
    SEMAPHORE_AGENT_S3_LOGS_BUCKET: "logs",
    SEMAPHORE_AGENT_S3_LOGS_ACCESS_KEY_ID: "a",
    SEMAPHORE_AGENT_S3_LOGS_SECRET_ACCESS_KEY: "b",
  };
  await using t = await testPlugin(plugin, { env });
  expect([...t.all(logSink).keys()]).toEqual(["s3"]);
  await expect(testPlugin(plugin, { config: { bucket: "logs" } })).rejects.toThrow("access-key-id");
});

test("a job's id cannot change the path of the key", async () => {
  await using s3 = openS3Double();
  await using spool = await createJobSpool(jobEvents());
  spool.close();
  const context = {
    job: jobRequest({ id: "../../a job" }),
    logger: createRecordingLogger(),
    spool: spool.reader(),
    slot: 0,
    openReader: () => spool.reader(),
  };
  await createStore(optionsFor(s3)).storeLog(context, new AbortController().signal);
  expect([...s3.objects.keys()]).toEqual(["ci/logs/.._.._a_job.ndjson"]);
});
