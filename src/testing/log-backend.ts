import { describe, expect, test } from "bun:test";
import type { LogBackend, LogBackendContext, LogDelivery } from "../core/contracts/log-backend.ts";
import type { SpoolCursor } from "../core/contracts/spool.ts";
import type { JobEvent } from "../core/contracts/job-events.ts";
import { jobRequest } from "./fixtures.ts";
import { createJobSpool, jobEvents, type JobSpool } from "./job-spool.ts";
import { silentLogger } from "./loggers.ts";

/** A log backend to be put through {@link testLogBackend}. */
export interface LogBackendSubject {
  readonly name: string;
  /** Makes another side that has nothing yet, and what opens a backend to it. */
  create(): LogBackendPlace | Promise<LogBackendPlace>;
  /** Deadline of each test. Default: 20 s. */
  readonly timeoutMs?: number;
}

export interface LogBackendPlace extends Partial<AsyncDisposable> {
  /** Opens a backend for a job, as the service's `open` does. */
  open(context: LogBackendContext): LogBackend;
  /** All that the other side has, in its order. */
  received(): readonly JobEvent[] | Promise<readonly JobEvent[]>;
  /** Makes the next deliveries fail in a way that heals. Without it, that test is left out. */
  fail?(times: number): void | Promise<void>;
  /** Makes the other side take no more. Without it, that test is left out. */
  refuse?(): void | Promise<void>;
}

/**
 * The contract of a log backend, as tests for `bun test`. It says what the essay over `LogBackend` says; call it at the top of
 * a test file.
 */
export function testLogBackend({ name, create, timeoutMs = 20_000 }: LogBackendSubject): void {
  const fact = (sentence: string, check: (scene: Scene) => Promise<void>): void => {
    test(
      sentence,
      async () => {
        await using scene = await createScene(await create());
        await check(scene);
      },
      timeoutMs,
    );
  };

  describe(`log backend ${name}`, () => {
    fact("delivers the log of a job that has ended, whole, once and in order", async (scene) => {
      const events = jobEvents(["one", "two", "☃ <&> \u0001"]);
      scene.spool.append(...events);
      scene.spool.close();
      expect(await scene.run()).toEqual({ trimmed: false, undelivered: 0 });
      expect(await scene.place.received()).toEqual(events);
      expect(scene.cursor.event).toBe(events.length);
    });

    fact("delivers while the job writes, and ends when the log has ended", async (scene) => {
      const events = jobEvents(["one", "two"]);
      const running = scene.run();
      for (const event of events) {
        scene.spool.append(event);
        await Bun.sleep(1);
      }
      await scene.hasReceived(events.length);
      scene.spool.close();
      expect(await running).toEqual({ trimmed: false, undelivered: 0 });
      expect(await scene.place.received()).toEqual(events);
    });

    fact("delivers twenty thousand events", async (scene) => {
      const events = jobEvents(Array.from({ length: 20_000 }, (_, index) => `line ${index}`));
      scene.spool.append(...events);
      scene.spool.close();
      expect(await scene.run()).toEqual({ trimmed: false, undelivered: 0 });
      const received = await scene.place.received();
      expect(received.length).toBe(events.length);
      const differs = received.findIndex((event, index) => !Bun.deepEquals(event, events[index]));
      expect(differs).toBe(-1);
    });

    fact("has nothing to do for a log that is empty", async (scene) => {
      scene.spool.close();
      expect(await scene.run()).toEqual({ trimmed: false, undelivered: 0 });
      expect(await scene.place.received()).toEqual([]);
    });

    fact("saves no place before the other side has what stands before it", async (scene) => {
      scene.spool.append(...jobEvents(Array.from({ length: 5000 }, String)));
      scene.spool.close();
      await scene.run();
      expect(scene.saved.length).toBeGreaterThan(0);
      for (const { event, received } of scene.saved) expect(await received).toBeGreaterThanOrEqual(event);
    });

    fact("goes on from the saved place, with nothing twice and nothing left out", async (scene) => {
      const events = jobEvents(["one", "two", "three"]);
      scene.spool.append(...events.slice(0, 3));
      const first = scene.run();
      await scene.hasReceived(3);
      scene.abort();
      await first;
      scene.spool.append(...events.slice(3));
      scene.spool.close();
      expect(await scene.run()).toEqual({ trimmed: false, undelivered: 0 });
      expect(await scene.place.received()).toEqual(events);
    });

    fact("when time is over it says how much was not delivered", async (scene) => {
      scene.spool.append(...jobEvents());
      scene.abort();
      const { undelivered } = await scene.run();
      expect(undelivered + (await scene.place.received()).length).toBe(jobEvents().length);
    });

    fact("ends soon after the abort, though the log has not ended", async (scene) => {
      scene.spool.append(...jobEvents());
      const running = scene.run();
      await scene.hasReceived(1);
      scene.abort();
      const { undelivered } = await running;
      expect(undelivered + (await scene.place.received()).length).toBe(jobEvents().length);
    });

    fact("can be disposed without run, and twice", async (scene) => {
      const backend = scene.open();
      await backend[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    });

    fact("can be disposed during run, which then resolves", async (scene) => {
      scene.spool.append(...jobEvents());
      const backend = scene.open();
      const running = backend.run(new AbortController().signal);
      await backend[Symbol.asyncDispose]();
      await running;
    });

    fact("delivers through failures that heal", async ({ place, spool, run }) => {
      if (place.fail === undefined) return;
      spool.append(...jobEvents());
      spool.close();
      await place.fail(2);
      expect(await run()).toEqual({ trimmed: false, undelivered: 0 });
      expect(await place.received()).toEqual(jobEvents());
    });

    fact("says that the log was trimmed when the other side takes no more", async ({ place, spool, run }) => {
      if (place.refuse === undefined) return;
      spool.append(...jobEvents());
      spool.close();
      await place.refuse();
      expect(await run()).toEqual({ trimmed: true, undelivered: jobEvents().length });
    });
  });
}

/** A job's spool, and a backend that brings it to a place. */
interface Scene extends AsyncDisposable {
  readonly place: LogBackendPlace;
  readonly spool: JobSpool;
  readonly cursor: SpoolCursor;
  /** Each saved place, and how much the other side had then. */
  readonly saved: readonly { readonly event: number; readonly received: Promise<number> }[];
  /** Opens a backend at the saved place. */
  open(): LogBackend;
  /** Opens a backend, runs it to its end, and disposes it. */
  run(): Promise<LogDelivery>;
  /** For the backend that runs, or for the next one. */
  abort(): void;
  hasReceived(count: number): Promise<void>;
}

async function createScene(place: LogBackendPlace): Promise<Scene> {
  const spool = await createJobSpool();
  const saved: { event: number; received: Promise<number> }[] = [];
  const opened: Disposable[] = [];
  let cursor: SpoolCursor = { event: 0, offset: 0 };
  let controller = new AbortController();

  const open = (): LogBackend => {
    const reader = spool.reader(cursor);
    opened.push(reader);
    return place.open({
      job: jobRequest(),
      logger: silentLogger,
      spool: reader,
      saveCursor(next) {
        cursor = next;
        saved.push({ event: next.event, received: countReceived() });
      },
      refreshToken: async () => "a-token",
    });
  };
  const countReceived = async (): Promise<number> => (await place.received()).length;

  return {
    place,
    spool,
    saved,
    open,
    get cursor() {
      return cursor;
    },
    async run() {
      await using backend = open();
      const delivery = await backend.run(controller.signal);
      controller = new AbortController();
      return delivery;
    },
    abort: () => controller.abort(),
    async hasReceived(count) {
      while ((await countReceived()) < count) await Bun.sleep(5);
    },
    async [Symbol.asyncDispose]() {
      for (const reader of opened) reader[Symbol.dispose]();
      await spool[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]?.();
    },
  };
}
