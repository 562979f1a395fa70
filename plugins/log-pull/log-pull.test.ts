import { describe, expect, test } from "bun:test";
import type { JobEvent, LogBackend, LogBackendContext } from "signalman";
import {
  createJobSpool,
  jobEvents,
  jobRequest,
  type JobSpool,
  silentLogger,
  testLogBackend,
  testPlugin,
  toEvents,
} from "signalman/testing";
import { logBackend, pullLogs } from "signalman";
import { openPullBackend, type PullLog } from "./pull-log.ts";
import plugin from "./index.ts";

testLogBackend({
  name: "pull",
  create() {
    const client = createClient();
    return {
      open: (context) => client.connect(context),
      received: () => client.received,
    };
  },
});

describe("the log that a client reads", () => {
  test("begins at any event, and holds whole events only", async () => {
    await using scene = await createScene(
      jobEvents(Array.from({ length: 1000 }, (_, index) => `line ${index}`)),
    );
    await scene.followed();
    for (const startFrom of [0, 1, 63, 64, 65, 256, 600, 1002, 1003]) {
      expect(readAll(scene.log, startFrom)).toEqual(scene.events.slice(startFrom));
    }
    expect(readAll(scene.log, 1004)).toEqual([]);
    expect(readAll(scene.log, Number.MAX_SAFE_INTEGER)).toEqual([]);
  });

  test("can be read while the job writes it and after its delivery has ended", async () => {
    await using scene = await createScene(jobEvents().slice(0, 2));
    await scene.followed();
    expect(readAll(scene.log, 0)).toEqual(scene.events.slice(0, 2));
    scene.spool.append(...jobEvents().slice(2));
    scene.spool.close();
    scene.log.archive();
    expect(await scene.running).toEqual({ trimmed: false, undelivered: 0 });
    expect(readAll(scene.log, 0)).toEqual(jobEvents());
  });

  test("waits to be archived, though all of it was read", async () => {
    await using scene = await createScene(jobEvents());
    scene.spool.close();
    await scene.followed();
    readAll(scene.log, 0);
    expect(await Promise.race([scene.running, Bun.sleep(50).then(() => "waiting")])).toBe("waiting");
    scene.log.archive();
    expect(await scene.running).toEqual({ trimmed: false, undelivered: 0 });
  });

  test("counts as trimmed from its maximum size on", async () => {
    await using scene = await createScene(jobEvents(), 10);
    scene.spool.close();
    scene.log.archive();
    expect(await scene.running).toEqual({ trimmed: true, undelivered: 0 });
  });
});

test("a log that was archived before it was opened needs no further archiving", async () => {
  await using t = await testPlugin(plugin, { roles: ["agent"], config: { enabled: true } });
  await using spool = await createJobSpool(jobEvents());
  spool.close();
  const logs = t.use(pullLogs, "pull");
  logs.archive("a-job");
  expect(logs.read("a-job", 0)).toBeUndefined();
  await using backend = t.use(logBackend, "pull").open(toContext(spool, { id: "a-job" }));
  expect(await backend.run(new AbortController().signal)).toEqual({ trimmed: false, undelivered: 0 });
  expect([...logs.read("a-job", 0)!].flatMap(toEvents)).toEqual(jobEvents());
});

test("the log backend is not provided without a server that serves logs", async () => {
  await using t = await testPlugin(plugin, { roles: ["agent"] });
  expect(t.services).toEqual([]);
});

function readAll(log: PullLog, startFrom: number): JobEvent[] {
  return [...log.read(startFrom)].flatMap((lines) => toEvents(lines));
}

function toContext(spool: JobSpool, job: { id?: string; maxSizeInBytes?: number } = {}): LogBackendContext {
  const { id = "a-job", maxSizeInBytes = 0 } = job;
  return {
    job: jobRequest({ id, logger: { method: "pull", url: "", token: "", maxSizeInBytes } }),
    logger: silentLogger,
    spool: spool.reader(),
    openReader: () => spool.reader(),
    saveCursor: () => {},
    refreshToken: () => Promise.reject(new Error("none")),
  };
}

async function createScene(events: readonly JobEvent[], maxSizeInBytes?: number) {
  const spool = await createJobSpool(events);
  const opened = Promise.withResolvers<PullLog>();
  const context = toContext(spool, maxSizeInBytes === undefined ? {} : { maxSizeInBytes });
  const backend = openPullBackend(context, opened.resolve);
  const log = await opened.promise;
  const running = backend.run(new AbortController().signal);
  return {
    spool,
    log,
    events,
    running,
    /** Resolves when all events can be read. */
    async followed() {
      while ([...log.read(events.length - 1)].length === 0) await Bun.sleep(2);
    },
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]();
      log[Symbol.dispose]();
      await spool[Symbol.asyncDispose]();
    },
  };
}

/**
 * A client that reads on where it stopped, as `GET /jobs/{id}/log?start_from=` does, and archives what has
 * ended.
 */
function createClient() {
  const received: JobEvent[] = [];
  const poll = async (log: PullLog, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      for (const lines of log.read(received.length)) received.push(...toEvents(lines));
      if (received.at(-1)?.event === "job_finished") log.archive();
      await Bun.sleep(2);
    }
  };
  return {
    received,
    /** Opens a backend, and polls its log until it is disposed. */
    connect(context: LogBackendContext): LogBackend {
      const left = new AbortController();
      let polling: Promise<void> | undefined;
      const backend = openPullBackend(context, (log) => (polling = poll(log, left.signal)));
      return {
        run: backend.run,
        async [Symbol.asyncDispose]() {
          left.abort();
          await polling;
          await backend[Symbol.asyncDispose]();
        },
      };
    },
  };
}
