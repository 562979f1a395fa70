import type { LogBackend, LogBackendContext, LogDelivery } from "../../core/contracts/log-backend.ts";
import type { SpoolCursor } from "../../core/contracts/spool.ts";
import type { JobEvent } from "../../core/contracts/job-events.ts";
import { jobRequest } from "../fixtures.ts";
import { createJobSpool, type JobSpool } from "../job-spool.ts";
import { silentLogger } from "../loggers.ts";

/** A log backend that {@link testLogBackend} tests. */
export interface LogBackendSubject {
  readonly name: string;
  /** Creates an empty destination, and the function that opens a backend for it. */
  create(): LogBackendPlace | Promise<LogBackendPlace>;
  /** Time-out of each test. Default: 20 s. */
  readonly timeoutMs?: number;
}

/** A destination of logs. */
export interface LogBackendPlace extends Partial<AsyncDisposable> {
  /** Opens a backend for a job, as the `open` of the service does. */
  open(context: LogBackendContext): LogBackend;
  /** Everything that the destination has received, in its order. */
  received(): readonly JobEvent[] | Promise<readonly JobEvent[]>;
  /** Makes the next deliveries fail temporarily. The test of such failures is left out without it. */
  fail?(times: number): void | Promise<void>;
  /** Makes the destination accept no more events. The test of trimmed logs is left out without it. */
  refuse?(): void | Promise<void>;
}

/** A job's spool, and backends that deliver it to a place. */
export interface Scene extends AsyncDisposable {
  readonly place: LogBackendPlace;
  readonly spool: JobSpool;
  readonly cursor: SpoolCursor;
  /** Each saved cursor, with the number of events that the place had received by then. */
  readonly saved: readonly { readonly event: number; readonly received: Promise<number> }[];
  /** Opens a backend at the last saved cursor. */
  open(): LogBackend;
  /** Opens a backend, runs it to its end and disposes it. */
  run(): Promise<LogDelivery>;
  /** Aborts the running backend, or the next one. */
  abort(): void;
  /** Resolves when the place has received that many events. */
  hasReceived(count: number): Promise<void>;
  /** Resolves when the cursor behind that many events is saved. */
  hasSaved(count: number): Promise<void>;
}

export async function createScene(place: LogBackendPlace): Promise<Scene> {
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
      openReader() {
        const another = spool.reader();
        opened.push(another);
        return another;
      },
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
    async hasSaved(count) {
      while (cursor.event < count) await Bun.sleep(5);
    },
    async [Symbol.asyncDispose]() {
      for (const reader of opened) reader[Symbol.dispose]();
      await spool[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]?.();
    },
  };
}
