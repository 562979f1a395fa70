import { describe, expect, test } from "bun:test";
import {
  AgentError,
  createSimpleSource,
  type JobResult,
  type SimpleSourceOptions,
} from "../../../src/index.ts";
import {
  createDummyAdmission,
  createDummyJobs,
  createDummySignals,
  createDummyState,
  createRecordingLogger,
} from "../../../src/testing/index.ts";

const id = "11111111-2222-4333-8444-555555555555";

/** Starts a source of a queue that the options describe, and that is empty by default. */
function start(options: Partial<SimpleSourceOptions> = {}, documents = new Map<string, string>()) {
  const jobs = createDummyJobs();
  const { signals, ...controls } = createDummySignals();
  const { admission, ...pauses } = createDummyAdmission();
  const logger = createRecordingLogger();
  const syncs: (string | undefined)[] = [];
  const drains: string[] = [];
  const results: [string, JobResult][] = [];
  const source = createSimpleSource({
    identity: "queue",
    pollMs: 1,
    claim: () => undefined,
    report: (jobId, result) => void results.push([jobId, result]),
    ...options,
  });
  const reason = source.run({
    version: "v1.2.3",
    slot: 3,
    slots: 4,
    logger,
    state: createDummyState(documents),
    jobs,
    signals,
    admission,
    registered: async () => {},
    synced: ({ error }) => void syncs.push(error),
    draining: async (why) => void drains.push(why),
  });
  reason.catch(() => {});
  const messages = () => logger.entries.map(({ level, message }) => `${level}: ${message}`);
  return { jobs, reason, syncs, drains, results, messages, ...controls, ...pauses };
}

const once = (claimed: { id: string; request: unknown }) => {
  const waiting = [claimed];
  return () => waiting.shift() ?? null;
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}

test("a paused slot claims nothing until it is admitted", async () => {
  const claims: number[] = [];
  const source = start({ claim: () => void claims.push(1) });
  await until(() => claims.length > 1);
  source.pause();
  // A claim that is in flight ends.
  await Bun.sleep(5);
  const before = claims.length;
  await Bun.sleep(50);
  expect(claims).toHaveLength(before);
  source.resume();
  await until(() => claims.length > before);
  source.drain("requested");
  expect(await source.reason).toBe("requested");
});

describe("a job", () => {
  test("may be an object, and has the id and the log method of the source", async () => {
    const request = { commands: ["make"], name: "a job", id: "another", logger: { method: "push" } };
    const source = start({ claim: once({ id, request }), logMethod: "queue" });
    const job = await source.jobs.at(0);
    expect(job.request).toMatchObject({ id, name: "a job", logger: { method: "queue" } });
    await expect(job.delivery.refreshToken()).rejects.toThrow("issues no tokens");
    job.finish("passed");
    await until(() => job.isReleased);
    expect(source.results).toEqual([[id, "passed"]]);
  });

  test.each(["../../etc", "", "x".repeat(101), 7])(
    "with the id %j is reported as failed at once",
    async (bad) => {
      const source = start({ claim: once({ id: bad as string, request: "commands: [make]" }) });
      await until(() => source.results.length > 0);
      expect(source.results).toEqual([[bad as string, "failed"]]);
      source.drain();
      await source.reason;
      expect(source.jobs.all).toEqual([]);
    },
  );

  test("that the queue returns after an interrupt is still run", async () => {
    const claimed = Promise.withResolvers<{ id: string; request: unknown }>();
    const source = start({ claim: () => claimed.promise });
    await Bun.sleep(0);
    source.interrupt();
    claimed.resolve({ id, request: { commands: ["make"] } });
    (await source.jobs.at(0)).finish("passed");
    expect(await source.reason).toBe("interrupted");
    expect([source.results, source.drains]).toEqual([[[id, "passed"]], ["interrupted"]]);
  });
});

describe("a queue", () => {
  test("knows the slot by the same owner after a restart, and another slot by another one", async () => {
    const owners: string[] = [];
    const slots: number[] = [];
    const claim: SimpleSourceOptions["claim"] = ({ owner, slot }) => {
      owners.push(owner);
      slots.push(slot);
      return undefined;
    };
    const documents = new Map<string, string>();
    for (const state of [documents, documents, new Map<string, string>()]) {
      const source = start({ claim }, state);
      source.drain();
      await until(() => source.syncs.length > 0 || source.drains.length > 0);
      await source.reason;
      const other = start({ claim }, state);
      await until(() => other.syncs.length > 0);
      other.drain();
      await other.reason;
    }
    expect(new Set(owners).size).toBe(2);
    expect(new Set(slots)).toEqual(new Set([3]));
  });

  test("that fails is a failed sync, logged once until it works again", async () => {
    let failures = 3;
    const source = start({
      claim() {
        if (failures-- > 0) throw new Error("no connection");
        return undefined;
      },
    });
    await until(() => source.syncs.includes(undefined));
    source.drain("idle");
    expect(await source.reason).toBe("idle");
    expect(source.syncs.slice(0, 4)).toEqual([...Array<string>(3).fill("no connection"), undefined]);
    expect(source.messages().filter((line) => !line.startsWith("debug"))).toEqual([
      "error: no job can be claimed: no connection",
      "info: jobs can be claimed again",
    ]);
  });

  test("that cannot be opened ends the slot, with an error of its own or an AgentError", async () => {
    const plain = start({ open: () => Promise.reject(new Error("disk full")) });
    const error = await plain.reason.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AgentError);
    expect((error as AgentError).message).toBe('job source "queue" cannot be opened: disk full');
    const own = new AgentError("QUEUE_GONE", "the queue is gone");
    expect(
      await start({
        open() {
          throw own;
        },
      }).reason.catch((thrown: unknown) => thrown),
    ).toBe(own);
  });

  test("that does not answer whether a job is stopped holds up nothing", async () => {
    const source = start({
      claim: once({ id, request: { commands: ["make"] } }),
      isStopped: () => new Promise<never>(() => {}),
    });
    const job = await source.jobs.at(0);
    job.finish("passed");
    await until(() => job.isReleased);
    source.drain();
    expect(await source.reason).toBe("requested");
  });

  test("that fails to answer whether a job is stopped is asked again", async () => {
    let failures = 2;
    const source = start({
      claim: once({ id, request: { commands: ["make"] } }),
      isStopped() {
        if (failures-- > 0) throw new Error("no connection");
        return true;
      },
    });
    await until(() => source.results.length > 0);
    expect(source.results).toEqual([[id, "stopped"]]);
    expect((await source.jobs.at(0)).stops).toBe(1);
  });

  test("that does not store a result is asked again, and the job is released after that", async () => {
    let failures = 3;
    const source = start({
      claim: once({ id, request: { commands: ["make"] } }),
      report: async () => {
        if (failures-- > 0) throw new Error("disk full");
      },
    });
    const job = await source.jobs.at(0);
    job.finish("passed");
    source.drain();
    await source.reason;
    expect([failures, job.isReleased]).toEqual([-1, true]);
    expect(source.messages().filter((line) => line.startsWith("error"))).toEqual([
      `error: result of job ${id} not stored yet: disk full`,
    ]);
  });

  test.each<Partial<SimpleSourceOptions>>([
    { claim: () => new Promise<never>(() => {}) },
    { claim: once({ id, request: { commands: ["make"] } }), report: () => new Promise<never>(() => {}) },
  ])("that does not answer holds up no hand-over", async (options) => {
    const source = start(options);
    if (options.report) (await source.jobs.at(0)).finish("passed");
    await Bun.sleep(5);
    source.handOver();
    expect(await source.reason).toBe("requested");
    expect(source.drains).toEqual([]);
    expect(source.jobs.all.filter(({ isReleased }) => isReleased)).toEqual([]);
  });
});
