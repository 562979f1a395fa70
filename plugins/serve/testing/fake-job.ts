import type { AgentJob, JobDelivery, JobResult, JobSummary, PullLogs, SlotState } from "signalman";
import { jobRequest, silentLogger } from "signalman/testing";
import { createHostedJob, type HostedJob } from "../job/hosted-job.ts";
import { createJobRecord, createJobRecords, type JobRecord } from "../job/job-record.ts";

/** A hosted job whose process is a double, and a server that receives its callbacks. */
export interface FakeJobScene extends AsyncDisposable {
  readonly job: HostedJob;
  /** Each callback as `<path> <authorization> <body>`, in the order in which they came. */
  readonly callbacks: readonly string[];
  /** Status of the answers. */
  status: number;
  readonly state: Map<string, unknown>;
  readonly archived: readonly string[];
  readonly interrupt: AbortController;
  readonly leave: AbortController;
  readonly isReleased: boolean;
  readonly isLost: boolean;
  readonly stops: number;
  end(result: JobResult): void;
  /** Ends the delivery of the log. */
  deliver(): void;
}

export interface FakeJobOptions {
  readonly record?: JobRecord;
  readonly attempts?: number;
  readonly method?: string;
  readonly token?: string;
  /** Rejects the start of the job. */
  readonly isBroken?: boolean;
}

export function createFakeJobScene(options: FakeJobOptions = {}): FakeJobScene {
  const { record = createJobRecord("a-job"), attempts = 3, method = "pull", token = "token" } = options;
  const received: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      received.push(`${pathname} ${request.headers.get("authorization") ?? "-"} ${await request.text()}`);
      return new Response("", { status: scene.status });
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  const ended = Promise.withResolvers<JobSummary>();
  const delivered = Promise.withResolvers<void>();
  const process = { stops: 0, isReleased: false, isLost: false };
  const request = jobRequest({
    id: record.jobId,
    callbacks: { finished: `${url}/finished`, teardownFinished: `${url}/teardown`, token },
    logger: { method, url: "", token: "", maxSizeInBytes: 0 },
  });
  const start = async ({ lost }: JobDelivery): Promise<AgentJob> => {
    if (options.isBroken) throw new Error("the disk is full");
    lost.addEventListener("abort", () => {
      process.isLost = true;
      delivered.resolve();
    });
    return {
      id: request.id,
      request,
      ended: ended.promise,
      done: Promise.all([ended.promise, delivered.promise]).then(([summary]) => ({
        summary,
        log: { trimmed: false, undelivered: 0 },
      })),
      stop: () => void (process.stops += 1),
      kill: () => {},
      release: async () => void (process.isReleased = true),
    };
  };
  const documents = new Map<string, unknown>();
  const archived: string[] = [];
  const logs: PullLogs = { read: () => undefined, archive: (id) => void archived.push(id) };
  const interrupt = new AbortController();
  const leave = new AbortController();
  const job = createHostedJob(
    record,
    {
      records: createJobRecords(createState(documents), silentLogger),
      logs,
      logger: silentLogger,
      callbacks: { attempts, intervalMs: 5 },
      signals: { interrupt: interrupt.signal, leave: leave.signal },
    },
    start,
  );
  const scene: FakeJobScene = {
    job,
    callbacks: received,
    status: 200,
    state: documents,
    archived,
    interrupt,
    leave,
    get isReleased() {
      return process.isReleased;
    },
    get isLost() {
      return process.isLost;
    },
    get stops() {
      return process.stops;
    },
    end: (result) => ended.resolve({ ...summary, result }),
    deliver: delivered.resolve,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  return scene;
}

const summary = {
  times: { startedAt: 1, finishedAt: 2 },
  durationMs: 1,
  log: { events: 1, bytes: 1, droppedBytes: 0, checksum: 0 },
};

function createState(documents: Map<string, unknown>): SlotState {
  return {
    get: <T>(name: string) => documents.get(name) as T | undefined,
    put: (name, document) => void documents.set(name, document),
    remove: (name) => void documents.delete(name),
  };
}
