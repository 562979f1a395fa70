import { type JobEvent, logBackend, type LogDelivery, type SpoolCursor } from "signalman";
import {
  createJobSpool,
  createRecordingLogger,
  jobRequest,
  type JobSpool,
  type RecordingLogger,
  testPlugin,
} from "signalman/testing";
import plugin from "../index.ts";
import { type LogServerDouble, startLogServerDouble } from "./log-server-double.ts";

export const quick = { "retry-delay-ms": 1, "retry-delay-max": 0.02, "interval-ms": 1 };

/** A spool, a log server and the log backend between them. */
export interface Scene extends AsyncDisposable {
  readonly spool: JobSpool;
  readonly server: LogServerDouble;
  readonly logger: RecordingLogger;
  /** The saved cursor, where a restarted agent resumes. */
  cursor: SpoolCursor;
  url: string;
  /** The tokens of the next renewals. When the list is empty, a renewal fails. */
  readonly newTokens: string[];
  refreshes: number;
  abort(reason?: unknown): void;
  /** Delivers the log from the saved cursor until it is complete or `abort` is called. */
  run(): Promise<LogDelivery>;
  /** Waits until the server has received this many requests. */
  hasRequests(count: number): Promise<void>;
}

export async function openScene(
  config: Readonly<Record<string, unknown>> = quick,
  events: readonly JobEvent[] = [],
): Promise<Scene> {
  const host = await testPlugin(plugin, { config, roles: ["agent"] });
  const server = await startLogServerDouble();
  const spool = await createJobSpool(events);
  const logger = createRecordingLogger();
  let controller = new AbortController();
  const scene: Scene = {
    spool,
    server,
    logger,
    cursor: { event: 0, offset: 0 },
    url: server.url,
    newTokens: [],
    refreshes: 0,
    abort: (reason) => controller.abort(reason),
    async run() {
      using reader = spool.reader(scene.cursor);
      await using backend = host.use(logBackend, "push").open({
        job: jobRequest({ logger: { method: "push", url: scene.url, token: "token-1", maxSizeInBytes: 0 } }),
        logger,
        spool: reader,
        openReader: () => spool.reader(scene.cursor),
        saveCursor: (cursor) => void (scene.cursor = cursor),
        async refreshToken() {
          scene.refreshes += 1;
          const token = scene.newTokens.shift();
          if (token === undefined) throw new Error("no job is assigned");
          return token;
        },
      });
      const delivery = await backend.run(controller.signal);
      controller = new AbortController();
      return delivery;
    },
    async hasRequests(count) {
      while (server.requests.length < count) await Bun.sleep(2);
    },
    async [Symbol.asyncDispose]() {
      await spool[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    },
  };
  return scene;
}

/** Like {@link openScene}, with a closed spool. */
export async function openEnded(
  events: readonly JobEvent[],
  config?: Readonly<Record<string, unknown>>,
): Promise<Scene> {
  const scene = await openScene(config, events);
  scene.spool.close();
  return scene;
}
